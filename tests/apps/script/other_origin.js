// As from a CDN: the importmap names another origin, and a page may not start a worker of another origin by itself.
import { show } from '../app.js';

show({ worker: import.meta.resolve('thimble/worker.js') });
