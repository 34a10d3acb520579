/** Return a random key, unique among the uploads of a user. `crypto.randomUUID` is absent in React Native. */
export function createKey(): string {
  const random = () => Math.random().toString(36).slice(2, 12).padEnd(10, "0");
  return `${Date.now().toString(36)}-${random()}${random()}`;
}
