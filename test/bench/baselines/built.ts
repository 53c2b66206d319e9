/** A module of the built app, so that a baseline runs the same code as the product does. */
export async function built<T>(file: string): Promise<T> {
  return (await import(new URL(`../../../dist/${file}`, import.meta.url).href)) as T;
}
