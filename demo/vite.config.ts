import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const page = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  base: './',  // any static host, any folder
  build: {
    outDir: '../dist/demo',
    emptyOutDir: true,
    target: ['chrome123', 'firefox120', 'safari17.5'],  // they have light-dark()
    rolldownOptions: { input: [page('index.html'), page('pack.html')] },
  },
  worker: { format: 'es' },
});
