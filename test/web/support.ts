import { mkdtempSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, expect } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { copyKey } from '../../src/domain/places/copy-key.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import { FolderStore } from '../../src/storage/folder-store.js'
import { aPhoto, randomVector } from '../db/factories.js'
import { type Fresh, freshDatabases } from '../db/fresh-databases.js'
import { removeStore, startApi, type TestApi, type TestChanges } from '../http/support.js'
import { DOG, NIGHT, SNOW } from '../search/support.js'
import { launchChromium } from '../support/browser.js'
import { randomNumbers } from '../support/random-numbers.js'
import type { ServerKind } from '../support/servers/postgres.js'

const COPY = { height: 512, quality: 65 }
const SIZES = [
  [600, 400],
  [400, 600],
  [400, 400],
] as const
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/**
 * Photos of three sizes, colours and countries, with labels and copies.
 * @param near vectors of the first ones; the others are random
 */
export async function plantCollection(
  database: Database,
  modelId: ModelId,
  count: number,
  near: readonly Float32Array[] = [DOG, NIGHT, SNOW],
): Promise<FolderStore> {
  const store = new FolderStore(mkdtempSync(join(tmpdir(), 'uc-web-')))
  const ingest = new PostgresIngestRepository(database)
  await ingest.createRun({ id: 'run-1', modelId, source: 'photos.tsv', options: {} })
  const set = { name: 'time', template: '{label}', labels: ['at night', 'snow'] }
  await new PostgresLabelRepository(database).savePrompts(modelId, set, [NIGHT, SNOW])
  const random = randomNumbers(7)
  const copies = await Promise.all(
    SIZES.map(([width, height], i) =>
      sharp({ create: { width, height, channels: 3, background: ['teal', 'olive', 'maroon'][i]! } })
        .jpeg()
        .toBuffer(),
    ),
  )
  const photos = Array.from({ length: count }, (_, i) => {
    const [width, height] = SIZES[i % 3]!
    return aPhoto(`photo-${String(i).padStart(3, '0')}`, {
      photo_url: `https://unsplash.com/photos/photo-${i}`,
      photo_width: 10 * width,
      photo_height: 10 * height,
      photo_description: i === 1 ? '<img src=x onerror=alert(1)>' : `picture number ${i}`,
      photo_submitted_at: `20${10 + (i % 10)}-05-06 07:08:09`,
      photo_location_country: ['Norway', 'Japan'][i % 2]!,
      photographer_username: `somebody-${i % 5}`,
      photographer_first_name: 'Some',
      photographer_last_name: `Body ${i % 5}`,
      exif_iso: 100 * (i % 20),
      blur_hash: 'LEHV6nWB2yk8pyo0adR*.7kCMdnj',
    })
  })
  await ingest.upsertPhotos(photos)
  for (const [i, { photo_id }] of photos.entries()) await store.put(copyKey(photo_id, COPY), copies[i % 3]!)
  await ingest.recordOutcome({
    parentId: 'none',
    modelId,
    embedded: photos.map(({ photo_id }, i) => ({
      photoId: photo_id,
      embedding: near[i] ?? randomVector(4, random),
      storedKey: copyKey(photo_id, COPY),
    })),
    failures: [],
    labelSets: [set.name],
  })
  return store
}

export interface Tab {
  page: Page
  /** Messages of errors, and requests that left the server. */
  problems: string[]
  /** What axe-core finds wrong with what is shown. */
  violations(): Promise<string[]>
  close(): Promise<void>
}

/** A new window of the browser that keeps what must not happen. @param expected statuses that the test provokes */
export async function openTab(
  browser: Browser,
  base: string,
  options: BrowserContextOptions = {},
  expected: RegExp = /^$/,
): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const problems: string[] = []
  const keep = (text: string) => expected.test(text) || problems.push(text)
  page.on('console', message => /error|warning/.test(message.type()) && keep(message.text()))
  page.on('pageerror', error => keep(String(error)))
  page.on('dialog', dialog => keep(`dialog: ${dialog.message()}`))
  page.on('request', request => {
    const url = request.url()
    if (!url.startsWith(`${base}/`) && !/^(data|blob):/.test(url)) problems.push(`request to ${url}`)
  })
  return {
    page,
    problems,
    async violations() {
      // The policy of the page forbids scripts of others; evaluated ones are the debugger's.
      await page.evaluate(AXE)
      const found = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>('axe.run()')
      return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))
    },
    close: () => context.close(),
  }
}

/** Waits for a value: `await soon(read).toBe(…)`. */
export const soon = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000 })

/** A collection on the page: there from the first test of its block to the last. */
export interface ShownCollection {
  readonly made: Fresh
  readonly api: TestApi
  readonly store: FolderStore
  readonly browser: Browser
  /** The window of all tests that need none of their own. */
  readonly tab: Tab
  /** Opens a path in that window, and waits for its heading. */
  open(path: string): Promise<Page>
}

/**
 * Shows a collection for the tests of a block. The window must stay without problems.
 * @param plant fills the database @param expected statuses that the tests provoke
 */
export function shownCollection(
  start: ServerKind['start'],
  plant: (fresh: Fresh) => Promise<FolderStore>,
  { expected, ...changes }: TestChanges & { expected?: RegExp } = {},
): ShownCollection {
  const fresh = freshDatabases(start)
  const shown = {
    async open(path: string) {
      const { page } = shown.tab
      await page.goto(`${shown.api.server.url}${path}`)
      await page.locator('h1').first().waitFor()
      return page
    },
  } as { -readonly [Name in keyof ShownCollection]: ShownCollection[Name] }
  beforeAll(async () => {
    const [made, browser] = await Promise.all([fresh(), launchChromium()])
    Object.assign(shown, { made, browser, store: await plant(made) })
    shown.api = await startApi(made.database, shown.store, changes)
    shown.tab = await openTab(browser, shown.api.server.url, {}, expected)
  })
  afterAll(async () => {
    expect(shown.tab?.problems ?? []).toEqual([])
    await shown.browser?.close()
    await shown.api?.close()
    removeStore(shown.store)
  })
  return shown
}
