// A shop: filters, sorting, a cart.
import { html, svg } from 'lit-html';
import { choice, defineScene, integer, object, text } from './scene.ts';

const kinds = ['shoes', 'jackets', 'bags', 'hats'] as const;
const colours = ['black', 'white', 'red', 'blue', 'green', 'yellow'] as const;
const swatches: Record<string, string> = { black: '#33363d', white: '#eceef2', red: '#d9534f', blue: '#4a7fe0', green: '#4d9e6a', yellow: '#e5b93c' };
const drawings: Record<string, unknown> = {
  shoes: svg`<path d="M2 17v-5l3-4 2 2c1 2 4 4 8 4 4 0 7 1 7 4v1H2zM2 19h20"></path>`,
  jackets: svg`<path d="M8 3 3 6v8h3v7h12v-7h3V6l-5-3-4 4zM12 7v14"></path>`,
  bags: svg`<path d="M5 9h14l1 12H4zM8 9V7a4 4 0 0 1 8 0v2M9 14h6"></path>`,
  hats: svg`<path d="M5 16c0-6 3-10 7-10s7 4 7 10M2 17c3 2 17 2 20 0M12 6V4"></path>`,
};

interface Product { name: string; kind: string; colour: string; price: number }
const products: Product[] = [
  { name: 'Trail runner', kind: 'shoes', colour: 'blue', price: 89 }, { name: 'Court classic', kind: 'shoes', colour: 'white', price: 64 },
  { name: 'City boot', kind: 'shoes', colour: 'black', price: 129 }, { name: 'Canvas slip-on', kind: 'shoes', colour: 'red', price: 39 },
  { name: 'Storm shell', kind: 'jackets', colour: 'yellow', price: 159 }, { name: 'Down vest', kind: 'jackets', colour: 'black', price: 99 },
  { name: 'Fleece', kind: 'jackets', colour: 'green', price: 59 }, { name: 'Day pack', kind: 'bags', colour: 'blue', price: 75 },
  { name: 'Tote', kind: 'bags', colour: 'white', price: 25 }, { name: 'Duffel', kind: 'bags', colour: 'red', price: 110 },
  { name: 'Wool beanie', kind: 'hats', colour: 'green', price: 19 }, { name: 'Rain hat', kind: 'hats', colour: 'yellow', price: 35 },
];

interface State {
  kind?: string;
  colour?: string;
  maxPrice?: number;
  order: 'price_asc' | 'price_desc' | 'name';
  cart: Map<string, number>;
  coupon?: string;
}

function visible(state: State): Product[] {
  const compare = { price_asc: (a: Product, b: Product) => a.price - b.price, price_desc: (a: Product, b: Product) => b.price - a.price,
    name: (a: Product, b: Product) => a.name.localeCompare(b.name) }[state.order];
  return products.filter((p) => (!state.kind || p.kind === state.kind) && (!state.colour || p.colour === state.colour) &&
    (state.maxPrice === undefined || p.price <= state.maxPrice)).sort(compare);
}

function find(name: string): Product {
  const wanted = name.toLowerCase();
  const found = products.find((p) => p.name.toLowerCase() === wanted) ??
    products.find((p) => wanted.includes(p.name.toLowerCase()) || p.name.toLowerCase().includes(wanted));
  if (!found) throw new Error(`There is no “${name}” in this shop.`);
  return found;
}

export const shop = defineScene<State>({
  id: 'shop',
  title: 'Shop',
  blurb: 'Twelve things to wear or carry, with filters and a cart.',
  tools: [
    { name: 'filter_products', description: 'Show only products that match; what is not given stays open',
      inputSchema: object({ category: choice(kinds), colour: choice(colours), max_price: integer(1, 1000, 'Highest price in euros') }) },
    { name: 'clear_filters', description: 'Show all products again', inputSchema: object({}) },
    { name: 'sort_products', description: 'Change the order of the list',
      inputSchema: object({ order: choice(['price_asc', 'price_desc', 'name'], 'price_asc: cheapest first') }, ['order']) },
    { name: 'add_to_cart', description: 'Put a product into the cart',
      inputSchema: object({ product: text('Name of the product'), quantity: integer(1, 20) }, ['product']) },
    { name: 'remove_from_cart', description: 'Take a product out of the cart', inputSchema: object({ product: text('Name of the product') }, ['product']) },
    { name: 'apply_coupon', description: 'Enter a discount code', inputSchema: object({ code: text('The code as given') }, ['code']) },
    { name: 'checkout', description: 'Buy what is in the cart', annotations: { destructiveHint: true }, inputSchema: object({}) },
  ],
  examples: ['show me red shoes', 'jackets under 100 euros', 'cheapest first', 'add two wool beanies to my cart', 'i have a code, SPRING15',
    'clear the filters', 'do you have a store in Rome?'],
  initial: () => ({ order: 'name', cart: new Map() }),
  act(state, tool, args) {
    switch (tool) {
      case 'filter_products': {
        const { category, colour, max_price: maxPrice } = args as { category?: string; colour?: string; max_price?: number };
        Object.assign(state, { kind: category, colour, maxPrice });
        return visible(state).length === 1 ? 'One product matches.' : `${visible(state).length} products match.`;
      }
      case 'clear_filters':
        Object.assign(state, { kind: undefined, colour: undefined, maxPrice: undefined });
        return 'All products are shown.';
      case 'sort_products':
        state.order = args['order'] as State['order'];
        return `Sorted: ${{ price_asc: 'cheapest first', price_desc: 'most expensive first', name: 'by name' }[state.order]}.`;
      case 'add_to_cart': {
        const { name } = find(args['product'] as string), quantity = (args['quantity'] as number | undefined) ?? 1;
        state.cart.set(name, (state.cart.get(name) ?? 0) + quantity);
        return `${quantity} × ${name} in the cart.`;
      }
      case 'remove_from_cart': {
        const { name } = find(args['product'] as string);
        return state.cart.delete(name) ? `${name} is out of the cart.` : `${name} was not in the cart.`;
      }
      case 'apply_coupon':
        state.coupon = args['code'] as string;
        return `The code ${state.coupon} is entered.`;
      case 'checkout':
        state.cart.clear();
        return 'Thank you for your order (this shop is not real).';
      default:
        throw new Error(`no tool ${tool}`);
    }
  },
  view: (state) => {
    const total = [...state.cart].reduce((sum, [name, count]) => sum + find(name).price * count, 0);
    return html`
      <ul class="products">
        ${visible(state).map((p) => html`<li><span class="picture" style="background:${swatches[p.colour]}" aria-hidden="true"><svg viewBox="0 0 24 24">${drawings[p.kind]}</svg></span>
          <b>${p.name}</b><span>${p.colour}</span><span>${p.price} €</span></li>`)}
      </ul>
      ${visible(state).length === 0 ? html`<p class="soft">Nothing matches.</p>` : ''}
      <ul class="facts">
        <li><b>Cart</b> ${[...state.cart].map(([name, count]) => `${count} × ${name}`).join(', ') || 'empty'}${total ? `, ${total} €` : ''}</li>
        ${state.coupon ? html`<li><b>Code</b> ${state.coupon}</li>` : ''}
      </ul>`;
  },
});
