// A drop zone that makes a .san model file of a checkpoint and its tokenizer, on the page.
import { packModel } from '../js/pack/pack.ts';

type Role = 'checkpoint' | 'tokenizer';

function roleOf(file: File): Role | undefined {
  if (/\.(pkl|pickle|safetensors)$/i.test(file.name)) return 'checkpoint';
  return /\.model$/i.test(file.name) ? 'tokenizer' : undefined;
}

const bytesOf = async (file: File): Promise<Uint8Array> => new Uint8Array(await file.arrayBuffer());
const size = (bytes: number): string => (bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
// Lets the page repaint between two sections.
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

const TEMPLATE = `
  <label class="packer-drop">
    <input type="file" multiple accept=".pkl,.pickle,.safetensors,.model">
    <strong>Drop the two files here</strong>
    <span>or choose them</span>
  </label>
  <ul class="packer-files">
    <li data-role="checkpoint"><b>Checkpoint</b><span>needle.pkl or model.safetensors</span></li>
    <li data-role="tokenizer"><b>Tokenizer</b><span>tokenizer.model</span></li>
  </ul>
  <progress max="1" value="0" aria-label="Packing" hidden></progress>
  <p class="packer-status" role="status"></p>
  <a class="packer-save" hidden>Save</a>`;

class Packer {
  readonly element = document.createElement('div');
  private readonly files = new Map<Role, File>();
  private busy = false;

  constructor(private readonly onPacked: (file: Uint8Array) => void) {
    this.element.className = 'packer';
    this.element.innerHTML = TEMPLATE;
    const zone = this.find('.packer-drop');
    const input = this.find<HTMLInputElement>('input');
    input.addEventListener('change', () => {
      this.add(input.files ?? []);
      input.value = ''; // so that choosing the same file again counts
    });
    zone.addEventListener('dragover', (event) => {
      event.preventDefault();
      zone.classList.add('over');
    });
    zone.addEventListener('dragleave', () => zone.classList.remove('over'));
    zone.addEventListener('drop', (event) => {
      event.preventDefault();
      zone.classList.remove('over');
      this.add(event.dataTransfer?.files ?? []);
    });
  }

  private find<T extends HTMLElement = HTMLElement>(selector: string): T {
    return this.element.querySelector<T>(selector)!;
  }

  private say(text: string, bad = false): void {
    const status = this.find('.packer-status');
    status.textContent = text;
    status.classList.toggle('bad', bad);
  }

  private add(files: Iterable<File>): void {
    if (this.busy) return;
    this.say('');
    for (const file of files) {
      const role = roleOf(file);
      if (!role) {
        this.say(`${file.name} is neither a checkpoint (.pkl, .safetensors) nor a tokenizer (.model).`, true);
        continue;
      }
      this.files.set(role, file);
      const row = this.find(`[data-role=${role}]`);
      row.classList.add('here');
      row.querySelector('span')!.textContent = `${file.name}, ${size(file.size)}`;
    }
    const checkpoint = this.files.get('checkpoint');
    const tokenizer = this.files.get('tokenizer');
    if (checkpoint && tokenizer) void this.pack(checkpoint, tokenizer);
  }

  private async pack(checkpoint: File, tokenizer: File): Promise<void> {
    const progress = this.find<HTMLProgressElement>('progress');
    this.busy = true;
    this.find('.packer-save').hidden = true;
    progress.hidden = false;
    progress.value = 0;
    this.say('Packing…');
    try {
      const [weights, pieces] = await Promise.all([bytesOf(checkpoint), bytesOf(tokenizer)]);
      const file = await packModel(weights, pieces, {
        onProgress: ({ doneBytes, totalBytes }) => {
          progress.value = doneBytes / totalBytes;
          return pause();
        },
      });
      this.offer(file);
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error), true);
    } finally {
      this.busy = false;
      progress.hidden = true;
    }
  }

  private offer(file: Uint8Array): void {
    const save = this.find<HTMLAnchorElement>('.packer-save');
    if (save.href) URL.revokeObjectURL(save.href);
    save.href = URL.createObjectURL(new Blob([file as BlobPart], { type: 'application/octet-stream' }));
    save.download = 'model.san';
    save.textContent = `Save model.san (${size(file.length)})`;
    save.hidden = false;
    this.say('Done.');
    this.onPacked(file);
  }
}

/** The drop zone as an element; `onPacked` gets each finished model file. Styles: pack.css. */
export function createPacker(onPacked: (file: Uint8Array) => void = () => {}): HTMLElement {
  return new Packer(onPacked).element;
}
