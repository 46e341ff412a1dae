/**
 * Takes the pictures of docs/images/page from the page over the scenes of the demo: `npx tsx tools/docs/screenshots.ts`,
 * after a build. It needs Chromium (CHROMIUM=/path/to/chromium) and takes two minutes.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import sharp from 'sharp'

interface Shot {
  name: string
  path: string
  look?: BrowserContextOptions
  /** What is done on the page before the picture. */
  prepare?: (page: Page) => Promise<void>
}

const SCENES = 300
const OUTPUT = resolve('docs/images/page')
const PROGRAM = resolve('dist/cli/main.js')
const DESKTOP = { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1.5 }
const PHONE = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true }

const SHOTS: readonly Shot[] = [
  { name: 'home', path: '/' },
  { name: 'results', path: '/search?q=a+yellow+car' },
  { name: 'dark', path: '/search?q=a+boat+at+dusk', look: { colorScheme: 'dark' }, prepare: openFilters },
  { name: 'map', path: '/search?time=2022&map=1', prepare: page => page.locator('.map-dot').first().waitFor() },
  {
    name: 'photo',
    path: '/search?q=a+lighthouse',
    look: { viewport: { width: 1280, height: 1000 } },
    prepare: openFirst,
  },
  { name: 'labels', path: '/labels/taken_time', prepare: markSome },
  { name: 'projection', path: '/map?by=taken_time' },
  { name: 'runs', path: '/runs', prepare: openFailures },
  { name: 'phone', path: '/search?q=a+house+in+the+snow', look: PHONE },
]

const home = mkdtempSync(join(tmpdir(), 'unsplash-clip-screenshots-'))
const environment = { ...process.env, UNSPLASH_CLIP_HOME: join(home, 'demo'), MODEL: 'demo@fp32', LOG_LEVEL: 'error' }
let server: ChildProcess | undefined
let browser: Browser | undefined
try {
  const options = ['--count', String(SCENES), '--folder', join(home, 'demo'), '--no-serve']
  execFileSync(process.execPath, [PROGRAM, 'demo', ...options], { stdio: ['ignore', 'ignore', 'inherit'] })
  await ingestFailures()
  execFileSync(process.execPath, [PROGRAM, 'analyze', 'project', '--method', 'pca'], {
    env: environment,
    stdio: 'ignore',
  })
  server = spawn(process.execPath, [PROGRAM, 'serve', '--port', '0', '--json'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await addressOf(server)
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  })
  mkdirSync(OUTPUT, { recursive: true })
  for (const shot of SHOTS) await take(browser, url, shot)
} finally {
  await browser?.close()
  if (server) {
    server.kill('SIGTERM')
    await new Promise(done => server?.once('exit', done))
  }
  execFileSync(process.execPath, [PROGRAM, 'db', 'stop'], { env: environment, stdio: 'ignore' })
  rmSync(home, { recursive: true, force: true })
}

async function take(on: Browser, url: string, { name, path, look, prepare }: Shot): Promise<void> {
  const context = await on.newContext({ ...DESKTOP, reducedMotion: 'reduce', ...look })
  const page = await context.newPage()
  await page.goto(url + path, { waitUntil: 'networkidle' })
  await prepare?.(page)
  await page.waitForLoadState('networkidle')
  await page.evaluate('Promise.all([...document.images].map(image => image.decode().catch(() => {})))')
  const webp = await sharp(await page.screenshot())
    .webp({ quality: 82, effort: 6 })
    .toBuffer()
  writeFileSync(join(OUTPUT, `${name}.webp`), webp)
  console.log(`${name}.webp: ${Math.round(webp.length / 1024)} kB`)
  await context.close()
}

async function openFilters(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Filters' }).click()
  await page.locator('.filter-value').first().waitFor()
}

/** A run of photos that are not there, and of one that is no picture. */
async function ingestFailures(): Promise<void> {
  const images = createServer((request, response) => {
    const isMissing = request.url?.startsWith('/missing')
    response.writeHead(isMissing ? 404 : 200, { 'content-type': 'text/html' }).end('<h1>A page</h1>')
  })
  images.listen(0, '127.0.0.1')
  await once(images, 'listening')
  const host = `127.0.0.1:${(images.address() as AddressInfo).port}`
  const urls = ['missing-1.jpg', 'missing-2.jpg', 'missing-3.jpg', 'login.jpg'].map(name => `http://${host}/${name}`)
  const list = join(home, 'holiday.txt')
  writeFileSync(list, urls.join('\n'))
  const options = ['--processes', '1', '--allow-host', host]
  await once(spawn(process.execPath, [PROGRAM, 'ingest', list, ...options], { env: environment }), 'exit')
  images.close()
}

async function openFailures(page: Page): Promise<void> {
  await page.locator('.run').first().click()
  await page.getByText('Photos with HTTP_404').click()
  await page.locator('.failure-group li').nth(2).waitFor()
}

async function openFirst(page: Page): Promise<void> {
  await page.locator('[role=grid] a').first().click()
  await page.locator('.photo-frame img').first().waitFor()
  await page.locator('.map-pin').waitFor()
}

/** Most labels of the first set are right. */
async function markSome(page: Page): Promise<void> {
  await page
    .getByRole('button', { name: /^The rest is right/ })
    .first()
    .click()
  await page.locator('.label-precision', { hasText: 'checked,' }).first().waitFor()
}

async function addressOf(process: ChildProcess): Promise<string> {
  for await (const chunk of process.stdout!) {
    const found = /"url":"([^"]+)"/.exec(String(chunk))
    if (found) return found[1]!.replace(/\/$/, '')
  }
  throw new Error('The server ended before it named its address.')
}
