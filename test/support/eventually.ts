/**
 * Tries until it no longer throws; what happens in the background has no moment of its own to wait for. The limit ends
 * what never comes.
 */
export async function eventually<T>(look: () => Promise<T>, withinMs = 60_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
