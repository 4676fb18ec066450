import { fileURLToPath } from 'node:url';
import webpack from 'webpack';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

webpack({ mode: 'production', entry: path('main.js'), output: { path: path('../out/webpack'), filename: 'main.js' }, performance: { hints: false } }, (error, stats) => {
  if (!error) console.log(stats.toString({ preset: 'errors-warnings' }));
  process.exitCode = error || stats.hasErrors() || stats.hasWarnings() ? 1 : 0;
});
