/** Says why a checkpoint cannot be packed. `message` names the place and what is wrong with it. */
export class PackError extends Error {
  readonly code: 'bad_pickle' | 'bad_safetensors' | 'bad_checkpoint';

  constructor(code: PackError['code'], message: string) {
    super(message);
    this.name = 'PackError';
    this.code = code;
  }
}
