// What a stranger writes. Every bundler of tests/apps builds this file; the page's title says how it went.
import { Thimble } from 'thimble';

export async function answer(options) {
  const thimble = await Thimble.load(options);
  thimble.registerTools([
    {
      name: 'set_light', description: 'Set the brightness of the light in one room.',
      inputSchema: {
        type: 'object', required: ['room', 'level'],
        properties: { room: { type: 'string', enum: ['kitchen', 'living room', 'bedroom'] }, level: { type: 'integer', minimum: 0, maximum: 100 } },
      },
      execute: ({ room, level }) => `${room} at ${level}`,
    },
    {
      name: 'remind', description: 'Remind of something at a time.',
      inputSchema: { type: 'object', required: ['what', 'when'], properties: { what: { type: 'string' }, when: { type: 'string', format: 'date-time' } } },
      execute: ({ what, when }) => `${what} at ${when}`,  // its dates are a part of Thimble that is loaded when it is needed
    },
  ]);
  const facts = { now: Date.UTC(2026, 10, 28), timeZone: 'UTC' };
  const texts = [];
  for (const query of ['dim the living room to 30', 'remind me to call mom tomorrow at half past six']) {
    const outcome = await thimble.run(query, { facts });
    texts.push(outcome.results?.map(({ value }) => value).join() ?? `${outcome.reason}: ${outcome.message}`);
  }
  thimble.dispose();
  return texts.join('; ');
}

export async function show(options) {
  document.title = await answer(options).catch((error) => `${error.code}: ${error.message}`);
}
