import { createPacker } from './packer.ts';

document.querySelector('#packer')!.replaceWith(createPacker());
