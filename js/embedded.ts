// The model that comes with the package, and what its bytes must be.
import manifest from '../dist/thimble.san.json' with { type: 'json' };
import type { LoadOptions } from './options.ts';

/** What to load where the options name no model. */
export function embeddedModel({ model, manifest: own, name }: LoadOptions): Pick<LoadOptions, 'model' | 'manifest'> {
  if (model !== undefined || own !== undefined || name !== undefined) return {};
  return { model: new URL('../model/thimble.san', import.meta.url), manifest };
}
