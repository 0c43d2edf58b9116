import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chromiumArguments, temporaryFolder } from "@king-runtime/testkit";
import { chromium } from "playwright-core";
import type { PageReport } from "./report.ts";

/** How a page is served. */
export interface VisitOptions {
  readonly executablePath: string;
  /** Value of the header `Content-Security-Policy`; none without. */
  readonly policy?: string;
}

/**
 * Serves a page with one script from loopback, opens it in a browser, and gives what the script
 * reports. Errors of the page reject.
 */
export async function visit(script: string, options: VisitOptions): Promise<PageReport> {
  const reported = Promise.withResolvers<PageReport>();
  const server = createServer(async (request, response) => {
    if (options.policy !== undefined) response.setHeader("content-security-policy", options.policy);
    if (request.url === "/") {
      response.setHeader("content-type", "text/html");
      response.end('<!doctype html><script type="module" src="/page.js"></script>');
    } else if (request.url === "/page.js") {
      response.setHeader("content-type", "text/javascript");
      response.end(script);
    } else if (request.url === "/report") {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      response.end();
      reported.resolve(JSON.parse(Buffer.concat(chunks).toString()));
    } else response.writeHead(404).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await using profile = await temporaryFolder("iibin-browser");
  const browser = await chromium.launchPersistentContext(profile.path, {
    executablePath: options.executablePath,
    headless: true,
    args: [...chromiumArguments],
  });
  try {
    const page = await browser.newPage();
    page.on("pageerror", reported.reject);
    await page.goto(`http://127.0.0.1:${port}/`);
    return await reported.promise;
  } finally {
    await browser.close();
    server.close();
    server.closeAllConnections();
  }
}
