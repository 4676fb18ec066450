import { answer } from '../app.js';

console.log(await answer());
