import { show } from '../app.js';

show({ model: 'home.san' });
