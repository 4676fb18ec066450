// A search for flights and a room.
import { html } from 'lit-html';
import { choice, defineScene, integer, object, text } from './scene.ts';

interface State {
  flight: { from?: string; to?: string; date?: string; back?: string; people: number; cabin: string };
  hotel?: { city: string; nights: number; stars?: number };
  seat?: string;
  bags: number;
}

const day = (iso: unknown) => typeof iso === 'string'
  ? new Date(`${iso}T12:00`).toLocaleDateString('en', { weekday: 'short', day: 'numeric', month: 'short' }) : undefined;

export const travel = defineScene<State>({
  id: 'travel',
  title: 'Travel',
  blurb: 'A booking form that fills itself in. Dates may be said in words.',
  tools: [
    { name: 'search_flights', description: 'Search flights between two cities',
      inputSchema: object({ from: text('City of departure'), to: text('City of arrival'), date: { type: 'string', format: 'date', description: 'Day of departure' },
        return_date: { type: 'string', format: 'date', description: 'Day of return' }, passengers: integer(1, 9) }, ['to']) },
    { name: 'set_cabin', description: 'Choose the class to fly in', inputSchema: object({ cabin: choice(['economy', 'premium', 'business', 'first']) }, ['cabin']) },
    { name: 'choose_seat', description: 'Ask for a kind of seat', inputSchema: object({ position: choice(['window', 'middle', 'aisle']) }, ['position']) },
    { name: 'add_bags', description: 'Add checked bags to the booking', inputSchema: object({ count: integer(1, 5) }, ['count']) },
    { name: 'book_hotel', description: 'Find a hotel room in a city',
      inputSchema: object({ city: text('City'), nights: integer(1, 30), stars: integer(1, 5, 'Least number of stars') }, ['city', 'nights']) },
    { name: 'start_over', description: 'Clear the whole form', inputSchema: object({}) },
  ],
  examples: ['find flights from Vienna to Lisbon next friday', 'i want to fly business', 'a window seat please', 'three nights in a hotel in Porto',
    'two checked bags', 'clear the form', 'how is the weather in Oslo?'],
  initial: () => ({ flight: { people: 1, cabin: 'economy' }, bags: 0 }),
  act(state, tool, args) {
    switch (tool) {
      case 'search_flights': {
        const { from, to, date, return_date: back, passengers } = args as Record<string, string> & { passengers?: number };
        Object.assign(state.flight, { from: from ?? state.flight.from, to, date: date ?? state.flight.date, back, people: passengers ?? state.flight.people });
        return `Flights ${from ? `from ${from} ` : ''}to ${to}${date ? ` on ${day(date)}` : ''}.`;
      }
      case 'set_cabin':
        state.flight.cabin = args['cabin'] as string;
        return `Flying ${state.flight.cabin}.`;
      case 'choose_seat':
        state.seat = args['position'] as string;
        return `Seat: ${state.seat}.`;
      case 'add_bags':
        state.bags += args['count'] as number;
        return `${state.bags} checked bags.`;
      case 'book_hotel':
        state.hotel = args as State['hotel'] & object;
        return `A room in ${state.hotel.city} for ${state.hotel.nights} nights.`;
      case 'start_over':
        Object.assign(state, travel.initial());
        delete state.hotel;
        delete state.seat;
        return 'The form is empty.';
      default:
        throw new Error(`no tool ${tool}`);
    }
  },
  view: ({ flight, hotel, seat, bags }) => {
    const field = (label: string, value: unknown) => html`<div class="field ${value ? 'filled' : ''}"><dt>${label}</dt><dd>${value || '–'}</dd></div>`;
    return html`
      <dl class="ticket">
        ${field('From', flight.from)}${field('To', flight.to)}${field('Out', day(flight.date))}${field('Back', day(flight.back))}
        ${field('Passengers', flight.people)}${field('Cabin', flight.cabin)}${field('Seat', seat)}${field('Bags', bags)}
      </dl>
      <dl class="ticket">
        ${field('Hotel in', hotel?.city)}${field('Nights', hotel?.nights)}${field('Stars', hotel?.stars && `${hotel.stars} or more`)}
      </dl>`;
  },
});
