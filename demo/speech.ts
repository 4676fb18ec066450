// Web Speech where there is one. Browsers may send what they hear to a server of theirs, so the page says so beforehand.

interface Recognition extends EventTarget {
  lang: string;
  interimResults: boolean;
  start(): void;
  stop(): void;
}
type SpeechEvent = Event & { results: ArrayLike<ArrayLike<{ transcript: string }> & { isFinal: boolean }> };

const Constructor = (globalThis as { SpeechRecognition?: new () => Recognition; webkitSpeechRecognition?: new () => Recognition });
const make = Constructor.SpeechRecognition ?? Constructor.webkitSpeechRecognition;

export const canListen = make !== undefined;

/** Listens once. `onText` gets what is understood so far; the returned function stops early. */
export function listen(onText: (text: string, final: boolean) => void, onEnd: () => void): () => void {
  const recognition = new make!();
  recognition.lang = navigator.language;
  recognition.interimResults = true;
  recognition.addEventListener('result', (event) => {
    const result = (event as SpeechEvent).results[0]!;
    onText(result[0]!.transcript, result.isFinal);
  });
  recognition.addEventListener('end', onEnd);
  recognition.addEventListener('error', onEnd);
  recognition.start();
  return () => recognition.stop();
}
