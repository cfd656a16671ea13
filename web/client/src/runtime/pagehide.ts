/** Calls back when the page may end without another word: it is left, or no longer looked at. */
export function onHide(callback: () => void): () => void {
  if (typeof document === "undefined") return () => {};
  const hidden = () => {
    if (document.visibilityState === "hidden") callback();
  };
  globalThis.addEventListener("pagehide", callback);
  // A telephone ends a hidden page without telling it.
  document.addEventListener("visibilitychange", hidden);
  return () => {
    globalThis.removeEventListener("pagehide", callback);
    document.removeEventListener("visibilitychange", hidden);
  };
}
