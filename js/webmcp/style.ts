// How the command bar looks, in light and dark. It inherits nothing from the page.
export const style = `
:host { all: initial; color-scheme: light dark;
  --ink: light-dark(#1c2127, #e8ebef); --soft: light-dark(#5a6570, #a3adb8); --card: light-dark(#ffffff, #1d2329); --shade: light-dark(#eef1f4, #14181d);
  --line: light-dark(#c9d0d8, #3a444e); --accent: light-dark(#0b6e4f, #4fd1a5); --on-accent: light-dark(#ffffff, #08221a); --bad: light-dark(#b3261e, #ff8a80); }
* { box-sizing: border-box; margin: 0; padding: 0; font: inherit; }
dialog { width: min(36rem, calc(100vw - 2rem)); max-height: calc(100vh - 4rem); margin: min(12vh, 7rem) auto auto; padding: 0.75rem; overflow: auto;
  border: 1px solid var(--line); border-radius: 1rem; background: var(--card); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  box-shadow: 0 1rem 3rem #0004; }
dialog::backdrop { background: #0003; }
form { display: flex; gap: 0.5rem; }
input { flex: 1; min-width: 0; padding: 0.6rem 0.9rem; border: 2px solid var(--line); border-radius: 0.7rem; background: var(--shade); color: inherit; }
input::placeholder { color: var(--soft); opacity: 1; }
input:focus-visible { outline: none; border-color: var(--accent); }
button { padding: 0.45rem 1rem; border: 1px solid var(--line); border-radius: 0.7rem; background: none; color: inherit; cursor: pointer; }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button.main { border-color: transparent; background: var(--accent); color: var(--on-accent); font-weight: 600; }
button:disabled { opacity: 0.5; cursor: default; }
.question { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; margin-top: 0.75rem; padding: 0.75rem; border: 1px solid var(--accent); border-radius: 0.7rem; }
.question p { flex: 1 1 14rem; overflow-wrap: anywhere; }
b { font-weight: 600; }
.answer { padding: 0.6rem 0.4rem 0; overflow-wrap: anywhere; }
.answer:empty { display: none; }
.answer p { white-space: pre-line; }
.answer p + p { margin-top: 0.35rem; }
.soft, .can { color: var(--soft); font-size: 0.875rem; }
.bad { color: var(--bad); }
.can { padding: 0.6rem 0.4rem 0; }
[hidden] { display: none; }
`;
