import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromiumArguments, requireSoftware, type SkippableTest } from "@king-runtime/testkit";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { startServer, uploadTo } from "./started-server.ts";

// A browser of another test run may be busy on the same cores.
const deadline = { timeout: 20_000 };

/** Opens a page in a fresh profile; the browser ends with the test. */
async function openBrowser(context: SkippableTest): Promise<{ page: Page; complaints: string[] }> {
  const executablePath = requireSoftware("chromium", context);
  const profile = await mkdtemp(join(tmpdir(), "bucket-watch-browser-"));
  const browser: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: { width: 1_100, height: 820 },
    args: [...chromiumArguments],
  });
  onTestFinished(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  });
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { page, complaints };
}

const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPj/HwADBwIAMCbHYQAAAABJRU5ErkJggg==";

test("an upload appears on the page without a reload", { timeout: 60_000 }, async (context) => {
  const { page, complaints } = await openBrowser(context);
  const { origin } = await startServer();
  await uploadTo(origin, "bucket=inbox&object=already-there.md", "# before", {
    "content-type": "text/markdown",
  });

  await page.goto(`${origin}/?bucket=inbox`);
  await page.locator('#state[data-state="live"]').waitFor(deadline);
  const rows = page.locator("#objects li");
  await page.locator('#objects li[data-object="already-there.md"]').waitFor(deadline);
  await page.evaluate("window.sameDocument = true");

  await uploadTo(origin, "bucket=inbox&object=reports/2026/q3.csv", "a,b\n".repeat(5_000), {
    "content-type": "text/csv",
  });
  const row = page.locator('#objects li[data-object="reports/2026/q3.csv"]');
  await row.waitFor(deadline);
  expect(await row.locator(".size").textContent()).toBe("19.5 KiB");
  expect(await row.locator(".type").textContent()).toBe("text/csv");
  // The newest comes first.
  expect(await rows.first().getAttribute("data-object")).toBe("reports/2026/q3.csv");
  expect(await page.locator("#count").textContent()).toBe("2 objects");
  expect(await page.evaluate("window.sameDocument")).toBe(true);

  // The link leads to the object itself.
  const href = await row.locator("a").getAttribute("href");
  const linked = await fetch(new URL(href ?? "", origin));
  expect(await linked.text()).toBe("a,b\n".repeat(5_000));

  // Replacing an object moves it up instead of showing it twice.
  await uploadTo(origin, "bucket=inbox&object=already-there.md", "# after, and longer");
  await expect.poll(() => rows.first().getAttribute("data-object")).toBe("already-there.md");
  expect(await rows.count()).toBe(2);
  expect(complaints).toEqual([]);
});

test("files chosen or dropped on the page are uploaded", { timeout: 60_000 }, async (context) => {
  const { page, complaints } = await openBrowser(context);
  const { origin, store } = await startServer({ http: { maxBodyBytes: 1_000_000 } });
  await page.goto(`${origin}/?bucket=photos`);
  await page.locator('#state[data-state="live"]').waitFor(deadline);
  await page.locator("#empty").waitFor(deadline);

  await page.locator("#files").setInputFiles([
    { name: "pixel.png", mimeType: "image/png", buffer: Buffer.from(pixel, "base64") },
    { name: "notes & more.txt", mimeType: "text/plain", buffer: Buffer.from("hello") },
  ]);
  await page.locator('#objects li[data-object="pixel.png"]').waitFor(deadline);
  await page.locator('#objects li[data-object="notes & more.txt"]').waitFor(deadline);
  expect(await store.head("photos/notes & more.txt")).toMatchObject({ size: 5 });

  await page.evaluate(`{
    const transfer = new DataTransfer();
    transfer.items.add(new File(["dropped"], "dropped.json", { type: "application/json" }));
    window.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
  }`);
  await page.locator('#objects li[data-object="dropped.json"]').waitFor(deadline);
  await expect.poll(() => page.locator("#uploads li").count()).toBe(0);
  expect(await page.locator("#empty").isVisible()).toBe(false);
  // The thumbnail is the stored image.
  const width = `document.querySelector('li[data-object="pixel.png"] img').naturalWidth`;
  await expect.poll(() => page.evaluate(width)).toBe(1);
  expect(complaints).toEqual([]);

  // What is refused says why.
  const large = { name: "large.bin", mimeType: "", buffer: Buffer.alloc(1_500_000) };
  await page.locator("#files").setInputFiles([large]);
  await page.locator("#uploads .failed").waitFor(deadline);
  expect(await page.locator("#uploads li .name").textContent()).toBe("large.bin");
  const refused = await uploadTo(origin, "object=large.bin", new Uint8Array(1_500_000));
  const { detail } = (await refused.json()) as { detail: string };
  expect(detail).toContain("1000000");
  expect(await page.locator("#uploads .failed").textContent()).toBe(detail);
});

test.for([
  ["", "bucket: expected at least one character, got none"],
  ["a/b", "bucket: expected no slash"],
])(
  "the page of the bucket %j says why it cannot be watched, once",
  {
    timeout: 60_000,
  },
  async ([bucket = "", detail], context) => {
    const { page } = await openBrowser(context);
    const { origin } = await startServer();
    let sockets = 0;
    page.on("websocket", () => sockets++);
    await page.clock.install();
    await page.goto(`${origin}/?bucket=${encodeURIComponent(bucket)}`);
    const state = page.locator('#state[data-state="refused"]');
    await state.waitFor(deadline);
    expect(await state.textContent()).toBe(detail);
    await page.clock.runFor(120_000);
    expect(await state.textContent()).toBe(detail);
    expect(sockets).toBe(1);
  },
);

test("characters that turn the direction of text are named, not obeyed", {
  timeout: 60_000,
}, async (context) => {
  const { page } = await openBrowser(context);
  const { origin } = await startServer();
  const object = "photo\u202egpj.exe";
  await uploadTo(origin, `object=${encodeURIComponent(object)}`, "x");
  await page.goto(`${origin}/?bucket=inbox`);
  const name = page.locator("#objects .name");
  await name.waitFor(deadline);
  expect(await name.textContent()).toBe("photo\u2039U+202E\u203agpj.exe");
  expect(await name.getAttribute("title")).toBe("photo\u2039U+202E\u203agpj.exe");
  expect(
    await page.evaluate(`getComputedStyle(document.querySelector("#objects .name")).unicodeBidi`),
  ).toBe("isolate");
  const href = await page.locator("#objects a").getAttribute("href");
  expect((await fetch(new URL(href ?? "", origin))).status).toBe(200);
});

test("the page says when the connection is lost, and comes back", {
  timeout: 60_000,
}, async (context) => {
  const { page } = await openBrowser(context);
  const { origin, realtime } = await startServer();
  await page.goto(origin);
  await page.locator('#state[data-state="live"]').waitFor(deadline);
  for (const connection of realtime.connections()) connection.abort();
  await page.locator('#state[data-state="lost"]').waitFor(deadline);
  await uploadTo(origin, "object=meanwhile.txt", "missed while away");
  await page.locator('#state[data-state="live"]').waitFor(deadline);
  await page.locator('#objects li[data-object="meanwhile.txt"]').waitFor(deadline);
});

test("a stored page cannot run script on the application's origin", {
  timeout: 60_000,
}, async (context) => {
  const { page } = await openBrowser(context);
  const { origin } = await startServer();
  const script = `<script>document.title = "ran"</script>`;
  await uploadTo(origin, "object=evil.html", script, { "content-type": "text/html" });
  await uploadTo(origin, "object=evil.txt", script, { "content-type": "text/plain" });
  await page.goto(`${origin}/objects/inbox/evil.txt`);
  expect(await page.title()).not.toBe("ran");
  const download = page.waitForEvent("download", deadline);
  await page.goto(`${origin}/objects/inbox/evil.html`).catch(() => undefined);
  expect((await download).suggestedFilename()).toBe("evil.html");
});

test("is worth looking at", { timeout: 60_000 }, async (context) => {
  const { page } = await openBrowser(context);
  const { origin } = await startServer();
  const put = (object: string, type: string, bytes: Uint8Array | string) =>
    uploadTo(origin, `bucket=inbox&object=${encodeURIComponent(object)}`, bytes as string, {
      "content-type": type,
    });
  await put("contracts/lease-2026.pdf", "application/pdf", "x".repeat(284_512));
  await put("backup/site.zip", "application/zip", "x".repeat(7_340_032));
  await put("sensors/2026-11-20T09.csv", "text/csv", "x".repeat(48_213));
  await page.goto(`${origin}/?bucket=inbox`);
  await page.locator('#objects li[data-object="sensors/2026-11-20T09.csv"]').waitFor(deadline);
  await put("team/photo.png", "image/png", await page.screenshot());
  await put("demo.txt", "text/plain", "x".repeat(1_234));
  await page.locator('#objects li[data-object="demo.txt"]').waitFor(deadline);
  await expect.poll(() => page.locator("#objects li").count()).toBe(5);

  const folder = process.env["BUCKET_WATCH_SCREENSHOTS"];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const shot = await page.screenshot();
    // More than an empty canvas.
    expect(shot.length).toBeGreaterThan(20_000);
    if (folder !== undefined) await writeFile(join(folder, `${colorScheme}.png`), shot);
  }
  await page.setViewportSize({ width: 390, height: 780 });
  const narrow = await page.evaluate(
    "document.documentElement.scrollWidth <= document.documentElement.clientWidth",
  );
  expect(narrow).toBe(true);
  if (folder !== undefined) await writeFile(join(folder, "narrow.png"), await page.screenshot());
});
