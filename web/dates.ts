// Dates, times and durations said in English words, as values of JSON Schema's formats (RFC 3339, ISO 8601). A chunk of
// its own, loaded with the first tool that has such a parameter. chrono-node knows the calendar; what it does not read
// ("half past six", "two and a half hours") is rewritten for it. A phrase of which a part would be lost is no value.
import { casual, GB, Chrono, type ParsedResult } from 'chrono-node/en';
import type { Facts } from './protocol.ts';

export type SpokenFormat = 'date' | 'time' | 'date-time' | 'duration';

const small = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve', 'thirteen',
  'fourteen', 'fifteen', 'sixteen', 'seventeen', 'eighteen', 'nineteen'];
const tens = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];
const numbers = new Map([...small.map((word, i) => [word, i] as const), ...tens.map((word, i) => [word, 20 + 10 * i] as const)]);
const numberWord = new RegExp(`\\b(?:(${tens.join('|')})[ -](${small.slice(1, 10).join('|')})|(${[...numbers.keys()].join('|')}))\\b`, 'g');

const valueOf = (word: string): number => numbers.get(word.toLowerCase())!;

const clock = (hour: number, minute: number): string => `${((hour + 11) % 12) + 1}:${String(minute).padStart(2, '0')}`;

/** Ways of saying a time or a length that chrono-node does not read. The first that match go first. */
const rewrites: [RegExp, string | ((...match: string[]) => string)][] = [
  [numberWord, (_, ten, one, alone) => String(alone ? valueOf(alone) : valueOf(ten!) + valueOf(one!))],
  [/\bhalf past (\d+)/gi, (_, hour) => clock(+hour!, 30)],
  [/\b(?:a )?quarter past (\d+)/gi, (_, hour) => clock(+hour!, 15)],
  [/\b(?:a )?quarter to (\d+)/gi, (_, hour) => clock(+hour! - 1, 45)],
  [/\b(\d+)(?: minutes)? past (\d+)/gi, (_, minute, hour) => clock(+hour!, +minute!)],
  [/\b(5|10|20|25)(?: minutes)? to (\d+)/gi, (_, minute, hour) => clock(+hour! - 1, 60 - +minute!)],
  [/\b(?:3|three)[ -]quarters of an hour\b/gi, '45 minutes'],
  [/\b(?:a )?quarter of an hour\b/gi, '15 minutes'],
  [/\b(\d+) and a half (\w+)/gi, '$1.5 $2'],
  [/\b(?:an?|1) (\w+) and a half\b/gi, '1.5 $1s'],
  [/\b(\d+) (\w+?)s? and a half\b/gi, '$1.5 $2s'],
  [/\b(\d+) ?h(?:ours?)? ?(\d+)$/gi, '$1 hours $2 minutes'],
  [/\ba fortnight\b/gi, '2 weeks'],
  [/\b(\d+)(?::(\d+))? in the morning\b/gi, (_, hour, minute = '00') => `${hour}:${minute} am`],
  [/\b(\d+)(?::(\d+))? (?:in the (?:afternoon|evening)|at night)\b/gi, (_, hour, minute = '00') => `${hour}:${minute} pm`],
];

/** Words that may stand beside the part that chrono-node reads without changing what it means. */
const fillers = /^(?:at|on|by|in|for|the|from|until|till|to|around|about|this|coming|[\s,.])*$/i;

const iso: Record<SpokenFormat, RegExp> = {
  date: /^\d{4}-\d\d-\d\d$/,
  time: /^\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i,
  duration: /^P(?!$)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?)$/,
};

/** The value of `format` that `words` mean, written as `pattern` wants it; undefined if they mean none, or more than one. */
export function toFormat(words: string, format: SpokenFormat, facts: Facts, pattern?: string): string | undefined {
  const value = read(words.trim(), format, facts);
  if (value === undefined || pattern === undefined) return value;
  try {
    const wanted = new RegExp(pattern, 'u');
    return waysToWrite(value, format).find((way) => wanted.test(way));
  } catch {
    return undefined;  // no regular expression: nothing fits it
  }
}

/** zod, for one, wants UTC in a date-time and no zone in a time. */
function waysToWrite(value: string, format: SpokenFormat): string[] {
  if (format === 'time') return [value, value.slice(0, 8)];
  return format === 'date-time' && !Number.isNaN(Date.parse(value)) ? [value, new Date(value).toISOString().replace('.000', '')] : [value];
}

function read(text: string, format: SpokenFormat, facts: Facts): string | undefined {
  if (iso[format].test(text)) return text;
  const said = text.replace(/\s+/g, ' ').replace(/^(?=(?:hour|minute|day|week|month|year)\b)/i, 'a ');
  const plain = rewrites.reduce((so, [pattern, by]) => so.replace(pattern, by as string), said);
  return format === 'duration' ? toDuration(plain) : toMoment(plain.replace(/^\d{1,2}$/, 'at $&'), format, facts);
}

/** The one result that covers all of `text`. */
function readAll(text: string, chrono: Chrono, reference: Date): ParsedResult | undefined {
  const results = chrono.parse(text, reference, { forwardDate: !/\b(?:last|past|ago|yesterday)\b/i.test(text) });
  const [result] = results;
  if (!result || results.length > 1 || result.end) return undefined;
  const rest = text.slice(0, result.index) + text.slice(result.index + result.text.length);
  return fillers.test(rest) ? result : undefined;
}

const two = (value: number): string => String(value).padStart(2, '0');
const offsetText = (minutes: number): string => `${minutes < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;

function toMoment(words: string, format: SpokenFormat, facts: Facts): string | undefined {
  const { timeZone = new Intl.DateTimeFormat().resolvedOptions().timeZone, locale = globalThis.navigator?.language ?? 'en-US' } = facts;
  const now = wallClock(facts.now, timeZone);
  const chrono = /^en-US\b|^en$|^(?!en)/.test(locale) ? casual : GB;  // month first, or day first
  const result = readAll(dayOfMonth(words, now), chrono, now);
  if (!result) return undefined;
  const { start } = result;
  const tags = [...result.tags()].join();
  const hasDate = (['day', 'weekday', 'month', 'year'] as const).some((part) => start.isCertain(part));
  const hasTime = start.isCertain('hour') || tags.includes('CasualTime') || /\b(?:tonight|this (?:morning|afternoon|evening))\b/i.test(result.text);
  if (format !== 'time' && format !== 'date-time' ? !hasDate : !hasTime) return undefined;
  const get = (part: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second') => start.get(part) ?? 0;
  const date = `${String(get('year')).padStart(4, '0')}-${two(get('month'))}-${two(get('day'))}`;
  if (format === 'date') return date;
  const wall = Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second'));
  // Only a zone that was said counts: results like "in an hour" carry the zone of the reference.
  const said = start.isCertain('timezoneOffset') && !tags.includes('relativeDate') ? start.get('timezoneOffset') : null;
  const time = `${two(get('hour'))}:${two(get('minute'))}:${two(get('second'))}${offsetText(said ?? offsetAt(wall, timeZone))}`;
  return format === 'time' ? time : `${date}T${time}`;
}

const months = ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november', 'december'];

/** "the 3rd" with the month in which it comes next. */
function dayOfMonth(words: string, now: Date): string {
  return words.replace(/\bthe (\d{1,2})(?:st|nd|rd|th)\b/i, (all, day) => {
    if (months.some((month) => words.toLowerCase().includes(month.slice(0, 3)))) return all;
    return `${months[(now.getMonth() + (Number(day) < now.getDate() ? 1 : 0)) % 12]} ${day}`;
  });
}

/** The clock on a wall of `timeZone`, as a Date whose local fields show it: chrono-node reads those. */
function wallClock(instant: number, timeZone: string): Date {
  const wall = new Date(instant + offsetOf(instant, timeZone) * 60_000);
  return new Date(wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate(), wall.getUTCHours(), wall.getUTCMinutes(), wall.getUTCSeconds());
}

/** Minutes that `timeZone` is ahead of UTC at `instant`. */
function offsetOf(instant: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  }).formatToParts(instant);
  const get = (type: string) => Number(parts.find((part) => part.type === type)!.value);
  const wall = Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second'));
  return Math.round((wall - Math.floor(instant / 1000) * 1000) / 60_000);
}

/** The same where the clock on the wall shows `wall` (as if it were UTC). */
function offsetAt(wall: number, timeZone: string): number {
  const guess = offsetOf(wall, timeZone);
  return offsetOf(wall - guess * 60_000, timeZone);
}

function toDuration(words: string): string | undefined {
  const reference = new Date(2001, 0, 1, 12);
  const length = words.replace(/^(?:in|for|about|around) /i, '').replace(/^half an? (\w+)$/i, '0.5 $1s');
  const start = readAll(`in ${length}`, casual, reference)?.start;
  if (!start) return undefined;
  if (/month|year/i.test(length)) {
    const whole = start.get('day') === 1 && !/\./.test(length);
    const count = (start.get('year')! - 2001) * 12 + start.get('month')! - 1;
    return whole ? `P${count >= 12 ? `${Math.floor(count / 12)}Y` : ''}${count % 12 ? `${count % 12}M` : ''}` : undefined;
  }
  const seconds = Math.round((start.date().getTime() - reference.getTime()) / 1000);
  return seconds > 0 ? secondsText(seconds) : undefined;
}

function secondsText(seconds: number): string {
  const [days, hours, minutes, rest] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  // Between two parts, none is left out: some validators want it so.
  const time = [[hours, 'H'], [minutes, 'M'], [rest, 'S']] as const;
  const used = time.map(([n], i) => (n > 0 ? i : -1)).filter((i) => i >= 0);
  const clockText = time.slice(used[0] ?? 3, (used.at(-1) ?? 2) + 1).map(([n, unit]) => `${n}${unit}`).join('');
  return `P${days ? `${days}D` : ''}${clockText && `T${clockText}`}`;
}
