/** Makes something; if that fails, closes what was opened for it before, so that nothing keeps the process alive. */
export function closing<T>(opened: { close(): unknown }, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    opened.close();
    throw cause;
  }
}
