import { createHash, X509Certificate } from "node:crypto";

/** With these a headless Chromium runs as root, keeps to HTTP over TCP, and talks to nobody but the test. */
export const chromiumArguments: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The same for one that speaks HTTP/3 with `https://localhost:port` at once, and trusts `cert`, PEM, by its key. */
export function quicChromiumArguments(port: number, cert: string): readonly string[] {
  const spki = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
  const pin = createHash("sha256").update(spki).digest("base64");
  return [
    ...chromiumArguments.filter((each) => each !== "--disable-quic"),
    "--enable-quic",
    `--origin-to-force-quic-on=localhost:${port}`,
    "--host-resolver-rules=MAP localhost 127.0.0.1",
    `--ignore-certificate-errors-spki-list=${pin}`,
  ];
}
