/** The variable of a key: `tls.minVersion` is `KING_TLS_MIN_VERSION`. */
export function environmentName(section: string, key: string): string {
  const snake = (name: string) => name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase();
  return `KING_${snake(section)}_${snake(key)}`;
}
