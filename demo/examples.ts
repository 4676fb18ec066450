// What the page opens with: the tools of a small home, and requests to try.
export const exampleTools = [
  {
    name: 'set_light', description: 'Set the brightness of the lights in one room.',
    parameters: {
      type: 'object', required: ['room'],
      properties: {
        room: { type: 'string', enum: ['kitchen', 'bedroom', 'hall'] },
        level: { type: 'integer', minimum: 0, maximum: 100, description: 'Percent' },
      },
    },
  },
  {
    name: 'set_timer', description: 'Start a countdown.',
    parameters: {
      type: 'object', required: ['minutes'],
      properties: { minutes: { type: 'number' }, label: { type: 'string', description: 'Name of the timer' } },
    },
  },
  {
    name: 'play_music', description: 'Play a song, an album or an artist.',
    parameters: { type: 'object', required: ['what'], properties: { what: { type: 'string' } } },
  },
  {
    name: 'get_weather', description: 'Weather forecast for a city.',
    parameters: {
      type: 'object', required: ['city'],
      properties: { city: { type: 'string' }, day: { type: 'string', enum: ['today', 'tomorrow'] } },
    },
  },
];

export const exampleRequests = [
  'dim the bedroom lights to 20',
  'what is the weather in Lisbon tomorrow?',
  'kitchen lights to full and a timer for 12 minutes called pasta',
  'set a timer',
  'who wrote Hamlet?',
];
