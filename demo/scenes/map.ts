// A map of an invented town.
import { html, svg } from 'lit-html';
import { choice, defineScene, integer, object, text } from './scene.ts';

const places: Record<string, [kind: string, x: number, y: number]> = {
  'Central Station': ['station', 260, 150], 'Harbour Café': ['cafe', 90, 230], 'Museum of Glass': ['museum', 170, 80], 'Lindt Park': ['park', 400, 90],
  'St Anne’s Hospital': ['hospital', 370, 225], 'Mill Bakery': ['cafe', 290, 262], 'City Pharmacy': ['pharmacy', 210, 210], 'Old Theatre': ['museum', 350, 170],
};
const kinds = ['cafe', 'museum', 'park', 'hospital', 'pharmacy', 'station'] as const;
const looks = ['streets', 'satellite', 'dark'] as const;

interface State { zoom: number; look: string; show?: string; pins: string[]; route?: { from: string; to: string; by: string } }

function find(name: string): string {
  const wanted = name.toLowerCase().replace(/^the /, '');
  const found = Object.keys(places).find((p) => p.toLowerCase().includes(wanted) || wanted.includes(p.toLowerCase()));
  if (!found) throw new Error(`There is no “${name}” on this map.`);
  return found;
}

const line = ({ from, to }: { from: string; to: string }) => {
  const [, x1, y1] = places[from]!, [, x2, y2] = places[to]!;
  return svg`<path class="route" d="M${x1} ${y1} Q${x1} ${y2} ${x2} ${y2}"></path>`;
};

export const map = defineScene<State>({
  id: 'map',
  title: 'Map',
  blurb: 'A town with a station, a harbour and too many bridges.',
  tools: [
    { name: 'zoom_map', description: 'Zoom the map in or out', inputSchema: object({ direction: choice(['in', 'out']), steps: integer(1, 5) }, ['direction']) },
    { name: 'set_map_style', description: 'Change how the map looks', inputSchema: object({ style: choice(looks) }, ['style']) },
    { name: 'find_places', description: 'Show places of one kind', inputSchema: object({ kind: choice(kinds) }, ['kind']) },
    { name: 'drop_pin', description: 'Put a pin on a place', inputSchema: object({ place: text('Name of the place') }, ['place']) },
    { name: 'get_directions', description: 'Show the way from one place to another',
      inputSchema: object({ from: text('Start'), to: text('Destination'), by: choice(['car', 'bike', 'foot', 'transit']) }, ['from', 'to']) },
    { name: 'clear_map', description: 'Remove pins, route and results', inputSchema: object({}) },
  ],
  examples: ['where can i get a coffee?', 'drop a pin at the Museum of Glass', 'how do i get from Central Station to Lindt Park by bike', 'zoom in twice',
    'satellite view', 'clear the map', 'book me a taxi'],
  initial: () => ({ zoom: 0, look: 'streets', pins: [] }),
  act(state, tool, args) {
    switch (tool) {
      case 'zoom_map': {
        const steps = (args['steps'] as number | undefined) ?? 1;
        state.zoom = Math.max(-2, Math.min(4, state.zoom + (args['direction'] === 'in' ? steps : -steps)));
        return `Zoomed ${args['direction']}.`;
      }
      case 'set_map_style':
        state.look = args['style'] as string;
        return `The map shows ${state.look}.`;
      case 'find_places':
        state.show = args['kind'] as string;
        return `${Object.values(places).filter(([kind]) => kind === state.show).length} found: ${state.show}.`;
      case 'drop_pin':
        state.pins.push(find(args['place'] as string));
        return `A pin on ${state.pins.at(-1)}.`;
      case 'get_directions':
        state.route = { from: find(args['from'] as string), to: find(args['to'] as string), by: (args['by'] as string | undefined) ?? 'foot' };
        return `From ${state.route.from} to ${state.route.to} by ${state.route.by}.`;
      case 'clear_map':
        Object.assign(state, { pins: [], route: undefined, show: undefined });
        return 'The map is clear.';
      default:
        throw new Error(`no tool ${tool}`);
    }
  },
  view: (state) => {
    const half = 1.18 ** -state.zoom, width = 520 * half, height = 320 * half;
    return html`
      <svg class="map ${state.look}" viewBox="${260 - width / 2} ${160 - height / 2} ${width} ${height}" role="img" aria-label="Map of the town">
        <rect class="land" x="-400" y="-300" width="1400" height="1000"></rect>
        <path class="water" d="M-400 260 C0 240 60 300 140 290 S300 330 420 300 S900 330 1000 320 V900 H-400Z"></path>
        <path class="street" d="M-400 150 H1000 M260 -300 V300 M90 -300 V260 M400 -300 V290 M-400 80 L170 80 L370 225 L440 290 M210 -300 V290"></path>
        <ellipse class="green" cx="400" cy="90" rx="62" ry="38"></ellipse>
        ${state.route ? line(state.route) : ''}
        ${Object.entries(places).map(([name, [kind, x, y]]) => svg`
          <g class="place ${state.show === kind ? 'found' : ''} ${state.pins.includes(name) ? 'pinned' : ''}">
            <circle cx=${x} cy=${y} r="6"></circle><text x=${x + 10} y=${y + 4}>${name}</text>
            ${state.pins.includes(name) ? svg`<path class="pin" d="M${x} ${y - 2} l-8 -14 a9 9 0 1 1 16 0z"></path>` : ''}
          </g>`)}
      </svg>
      <ul class="facts"><li><b>Route</b> ${state.route ? `${state.route.from} → ${state.route.to}, by ${state.route.by}` : 'none'}</li></ul>`;
  },
});
