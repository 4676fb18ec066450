// web/dates.ts: what people say, against a fixed moment, in any zone of the machine.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { toFormat, type SpokenFormat } from '../../web/dates.ts';

// A Saturday in Lisbon, 10:15 on the clock.
const facts = { now: Date.UTC(2026, 10, 28, 10, 15), timeZone: 'Europe/Lisbon', locale: 'en-US' };

const spoken: Record<SpokenFormat, Record<string, string | undefined>> = {
  date: {
    tomorrow: '2026-11-29', today: '2026-11-28', 'the day after tomorrow': '2026-11-30', 'next friday': '2026-12-04',
    'on monday': '2026-11-30', 'this coming tuesday': '2026-12-01', '25 december': '2026-12-25', 'Dec 25th 2027': '2027-12-25',
    'the 3rd': '2026-12-03', 'on the 30th': '2026-11-30', 'the 3rd of march': '2027-03-03', '3/4': '2027-03-04', 'in two weeks': '2026-12-12',
    'in a fortnight': '2026-12-12', yesterday: '2026-11-27', 'next week': '2026-12-05', '2026-12-01': '2026-12-01', 'in ten days': '2026-12-08',
    'last friday': '2026-11-27', 'first of january': '2027-01-01',
    'half past six': undefined, 'the meeting': undefined, 'tomorrow or friday': undefined, '': undefined, 'soon': undefined, '2026-13-01': '2026-13-01',
  },
  time: {
    'half past six': '06:30:00+00:00', 'quarter to nine': '08:45:00+00:00', 'a quarter past one': '01:15:00+00:00', 'twenty past four': '04:20:00+00:00',
    'ten to six': '05:50:00+00:00', '5:50': '05:50:00+00:00', '17:30': '17:30:00+00:00', '6pm': '18:00:00+00:00', 'at eight am': '08:00:00+00:00',
    '6pm EST': '18:00:00-05:00', noon: '12:00:00+00:00', midnight: '00:00:00+00:00', "7 o'clock": '07:00:00+00:00', "seven o'clock": '07:00:00+00:00',
    'seven in the evening': '19:00:00+00:00', '7': '07:00:00+00:00', 'half past six pm': '18:30:00+00:00', 'half past six in the evening': '18:30:00+00:00',
    '18:30:00Z': '18:30:00Z', 'five thirty': undefined, tomorrow: undefined, '25:00': undefined, 'from 3 to 5pm': undefined, 'after work': undefined,
  },
  'date-time': {
    'next friday at half past six': '2026-12-04T06:30:00+00:00', 'tomorrow at 9am': '2026-11-29T09:00:00+00:00', 'in 90 minutes': '2026-11-28T11:45:00+00:00',
    'in two and a half hours': '2026-11-28T12:45:00+00:00', 'in half an hour': '2026-11-28T10:45:00+00:00', 'monday morning': '2026-11-30T06:00:00+00:00',
    'at 7': '2026-11-29T07:00:00+00:00', 'july 4th at noon': '2027-07-04T12:00:00+01:00', 'tonight at eight pm': '2026-11-28T20:00:00+00:00',
    'tomorrow at 6pm EST': '2026-11-29T18:00:00-05:00', '2026-12-01T10:00:00Z': '2026-12-01T10:00:00Z', 'in an hour and a half': '2026-11-28T11:45:00+00:00',
    'in three quarters of an hour': '2026-11-28T11:00:00+00:00', tomorrow: undefined, 'next friday': undefined,
  },
  duration: {
    '90 minutes': 'PT1H30M', 'half an hour': 'PT30M', 'an hour and a half': 'PT1H30M', 'two and a half hours': 'PT2H30M', 'twenty five minutes': 'PT25M',
    'for 45 seconds': 'PT45S', '1h30': 'PT1H30M', '2 hours 15 minutes': 'PT2H15M', 'three days': 'P3D', 'two weeks': 'P14D', 'six months': 'P6M',
    'a year': 'P1Y', '1 hour and 5 seconds': 'PT1H0M5S', 'three quarters of an hour': 'PT45M', 'hour and a half': 'PT1H30M', 'PT5M': 'PT5M', 'P1W': 'P1W',
    'a minute and a half': 'PT1M30S', 'a day and 2 hours': 'P1DT2H', '5': undefined, 'a while': undefined, '90': undefined, P: undefined, PT: undefined,
  },
};

for (const [format, phrases] of Object.entries(spoken)) {
  test(`${format} in words`, () => {
    const got = Object.fromEntries(Object.keys(phrases).map((words) => [words, toFormat(words, format as SpokenFormat, facts)]));
    assert.deepEqual(got, phrases);
  });
}

test('day and month stand as the locale has them', () => {
  for (const [locale, want] of [['en-US', '2027-03-04'], ['en-GB', '2027-04-03'], ['en-AU', '2027-04-03']] as const) {
    assert.equal(toFormat('3/4', 'date', { ...facts, locale }), want, locale);
  }
});

test('a date is that of the zone given, and an offset that of the day meant', () => {
  const auckland = { ...facts, now: Date.UTC(2026, 10, 28, 12), timeZone: 'Pacific/Auckland' };  // the 29th there
  assert.equal(toFormat('tomorrow', 'date', auckland), '2026-11-30');
  assert.equal(toFormat('july 1st at noon', 'date-time', auckland), '2027-07-01T12:00:00+12:00');
  assert.equal(toFormat('tomorrow at noon', 'date-time', auckland), '2026-11-30T12:00:00+13:00');
  const kathmandu = { ...facts, timeZone: 'Asia/Kathmandu' };
  assert.equal(toFormat('tomorrow at noon', 'date-time', kathmandu), '2026-11-29T12:00:00+05:45');
  assert.equal(toFormat('at noon', 'time', { ...facts, timeZone: 'America/St_Johns' }), '12:00:00-03:30');
});

if (process.env.THIMBLE_DATES_CHILD === undefined) {
  for (const TZ of ['America/New_York', 'Pacific/Auckland', 'Asia/Kathmandu']) {
    test(`the machine's own zone does not matter: ${TZ}`, () => {
      const env = { ...process.env, TZ, THIMBLE_DATES_CHILD: '1', NODE_TEST_CONTEXT: undefined };
      const child = spawnSync(process.execPath, ['--import', 'tsx', '--test', '--test-reporter=tap', import.meta.filename], { encoding: 'utf8', env });
      assert.match(child.stdout, /^# pass [1-9]/m, child.stdout);
      assert.equal(child.status, 0, child.stdout);
    });
  }
}
