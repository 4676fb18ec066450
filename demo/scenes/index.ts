// The scenes of the playground, in the order of their tabs.
import { editor } from './editor.ts';
import { home } from './home.ts';
import { mail } from './mail.ts';
import { map } from './map.ts';
import type { Scene } from './scene.ts';
import { shop } from './shop.ts';
import { travel } from './travel.ts';

export const scenes = [home, shop, travel, mail, map, editor] as unknown as Scene[];
