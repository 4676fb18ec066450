// A flat: lamps, heating, blinds, music, a timer.
import { html, svg } from 'lit-html';
import { choice, defineScene, integer, object, text } from './scene.ts';

const rooms = ['living room', 'kitchen', 'bedroom', 'bathroom'] as const;
type Room = (typeof rooms)[number];

interface State {
  lamps: Record<Room, { level: number; colour: string }>;
  blinds: Record<Room, number>;
  heating: number;
  music?: string;
  timers: { minutes: number; label: string }[];
  locked: boolean;
}

const colours: Record<string, string> = {
  'warm white': '#ffd9a0', 'cold white': '#eaf4ff', red: '#ff6b61', orange: '#ffa04d', green: '#6fe08a', blue: '#6ea8ff', purple: '#bd8bff', pink: '#ff9ad0',
};
const places: Record<Room, [x: number, y: number, width: number, height: number]> = {
  'living room': [10, 10, 310, 190], kitchen: [320, 10, 190, 120], bathroom: [320, 130, 190, 100], bedroom: [10, 200, 310, 130],
};

function roomView(state: State, room: Room) {
  const [x, y, width, height] = places[room], { level, colour } = state.lamps[room], shade = state.blinds[room] / 100;
  const cx = x + width / 2, cy = y + height / 2;
  return svg`
    <g>
      <rect class="room" x=${x} y=${y} width=${width} height=${height}></rect>
      <rect class="light" x=${x} y=${y} width=${width} height=${height} style="fill:${colours[colour]};opacity:${(level / 100) * 0.85}"></rect>
      <text x=${x + 12} y=${y + 24}>${room}</text>
      <text class="soft" x=${x + 12} y=${y + 42}>${level === 0 ? 'dark' : `${level} %`}</text>
      <g class="window"><rect x=${x + width - 74} y=${y + 10} width="60" height="14" rx="3"></rect>
        <rect class="shade" x=${x + width - 74} y=${y + 10} width=${60 * shade} height="14" rx="3"></rect></g>
      <circle class="lamp" cx=${cx} cy=${cy + 6} r=${9 + level / 12} style="fill:${level === 0 ? 'var(--line)' : colours[colour]}"></circle>
    </g>`;
}

export const home = defineScene<State>({
  id: 'home',
  title: 'Smart home',
  blurb: 'A flat with lamps, blinds, heating, a speaker and a front door.',
  tools: [
    { name: 'set_light', description: 'Set the brightness of the light in one room, in percent; 0 is off',
      inputSchema: object({ room: choice(rooms), level: integer(0, 100, 'Brightness in percent') }, ['room', 'level']) },
    { name: 'set_light_colour', description: 'Change the colour of the light in one room',
      inputSchema: object({ room: choice(rooms), colour: choice(Object.keys(colours)) }, ['room', 'colour']) },
    { name: 'all_lights_off', description: 'Turn off every light in the flat', inputSchema: object({}) },
    { name: 'set_blinds', description: 'Open or close the blinds of one room',
      inputSchema: object({ room: choice(rooms), state: choice(['open', 'half', 'closed']) }, ['room', 'state']) },
    { name: 'set_heating', description: 'Set the temperature of the heating in degrees Celsius',
      inputSchema: object({ degrees: integer(12, 28) }, ['degrees']) },
    { name: 'play_music', description: 'Play an artist, album, station or kind of music on the speaker',
      inputSchema: object({ what: text('What to play') }, ['what']) },
    { name: 'stop_music', description: 'Stop the speaker', inputSchema: object({}) },
    { name: 'set_timer', description: 'Start a timer',
      inputSchema: object({ minutes: integer(1, 600), label: text('What the timer is for') }, ['minutes']) },
    { name: 'lock_door', description: 'Lock or unlock the front door', annotations: { destructiveHint: true },
      inputSchema: object({ locked: { type: 'boolean' } }, ['locked']) },
  ],
  examples: ['dim the bedroom to 20', 'make the kitchen light blue', 'close the blinds in the living room', 'play some Miles Davis',
    'set a timer for 12 minutes for the pasta', 'set the heating to 21 and lock the door', 'what is the capital of Peru?'],
  initial: () => ({
    lamps: Object.fromEntries(rooms.map((room) => [room, { level: room === 'bathroom' ? 0 : 70, colour: 'warm white' }])) as State['lamps'],
    blinds: Object.fromEntries(rooms.map((room) => [room, 0])) as State['blinds'],
    heating: 19, timers: [], locked: false,
  }),
  act(state, tool, args) {
    const room = args['room'] as Room;
    switch (tool) {
      case 'set_light':
        state.lamps[room].level = args['level'] as number;
        return `The ${room} is at ${state.lamps[room].level} %.`;
      case 'set_light_colour':
        state.lamps[room].colour = args['colour'] as string;
        state.lamps[room].level ||= 70;
        return `The ${room} is ${state.lamps[room].colour}.`;
      case 'all_lights_off':
        for (const lamp of Object.values(state.lamps)) lamp.level = 0;
        return 'All lights are off.';
      case 'set_blinds':
        state.blinds[room] = { open: 0, half: 50, closed: 100 }[args['state'] as 'open' | 'half' | 'closed'];
        return `The blinds of the ${room} are ${args['state'] === 'half' ? 'half way' : args['state']}.`;
      case 'set_heating':
        state.heating = args['degrees'] as number;
        return `The heating is at ${state.heating} °C.`;
      case 'play_music':
        state.music = args['what'] as string;
        return `Playing ${state.music}.`;
      case 'stop_music':
        delete state.music;
        return 'The speaker is quiet.';
      case 'set_timer':
        state.timers.push({ minutes: args['minutes'] as number, label: (args['label'] as string | undefined) ?? 'timer' });
        return `A timer runs for ${args['minutes']} minutes.`;
      case 'lock_door':
        state.locked = args['locked'] as boolean;
        return `The front door is ${state.locked ? 'locked' : 'unlocked'}.`;
      default:
        throw new Error(`no tool ${tool}`);
    }
  },
  view: (state) => html`
    <svg class="flat" viewBox="0 0 520 340" role="img" aria-label="Plan of the flat">
      ${rooms.map((room) => roomView(state, room))}
      <rect class="room" x="320" y="230" width="190" height="100"></rect>
      <text x="332" y="254">hall</text>
      <text class="soft" x="332" y="272">door ${state.locked ? 'locked' : 'unlocked'}</text>
      <rect class="door ${state.locked ? 'locked' : ''}" x="440" y="322" width="50" height="8" rx="2"></rect>
    </svg>
    <ul class="facts">
      <li><b>Heating</b> ${state.heating} °C</li>
      <li><b>Speaker</b> ${state.music ?? 'quiet'}</li>
      <li><b>Timers</b> ${state.timers.map(({ minutes, label }) => `${label} ${minutes} min`).join(', ') || 'none'}</li>
    </ul>`,
});
