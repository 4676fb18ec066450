// Asks the browser to keep the stored model when space gets short. Only a page can ask, a worker cannot.

/** Whether the origin's storage is kept. Asks at most once: some browsers show a question to the user. */
export async function askToPersist(): Promise<boolean> {
  const storage = (globalThis.navigator as Navigator | undefined)?.storage;
  try {
    if (await storage?.persisted?.()) return true;
    return await (asked ??= storage?.persist?.() ?? Promise.resolve(false));
  } catch {
    return false;
  }
}

let asked: Promise<boolean> | undefined;
