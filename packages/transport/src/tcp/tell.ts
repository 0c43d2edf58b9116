/** Tells `onError`, whose own failure goes to the console: there is nobody else left to tell. */
export function tell(onError: (error: unknown) => unknown, error: unknown): void {
  try {
    Promise.resolve(onError(error)).catch((failure) => console.error(failure));
  } catch (failure) {
    console.error(failure);
  }
}
