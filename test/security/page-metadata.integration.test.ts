import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { PHOTO_COLUMNS, type Photo } from '../../src/domain/photo.js'
import { copyKey } from '../../src/domain/places/copy-key.js'
import type { FolderStore } from '../../src/storage/folder-store.js'
import { aPhoto } from '../db/factories.js'
import { freshDatabases } from '../db/fresh-databases.js'
import { plantPhotos, removeStore, startApi, type TestApi } from '../http/support.js'
import { NIGHT, SNOW } from '../search/support.js'
import { hasChromium, launchChromium } from '../support/browser.js'
import { embeddedServer } from '../support/servers/postgres.js'
import { openTab, type Tab } from '../web/support.js'

/** Each would leave its mark, if it became markup, an address of a link, or a style. */
const PAYLOADS = [
  '"><img class=injected src=x onerror="window.ran = 1">',
  "'><script class=injected>window.ran = 1</script>",
  'javascript:window.ran=1',
  '</title><svg class=injected onload="window.ran=1">',
  '{{constructor.constructor("window.ran=1")()}}',
  'x" onmouseover="window.ran=1" style="position:fixed;inset:0" x="',
]
const TEXT_COLUMNS = Object.entries(PHOTO_COLUMNS).flatMap(([column, type]) =>
  type === 'text' && column !== 'photo_id' ? [column] : [],
)

describe.skipIf(!hasChromium())('the web page over photos whose metadata are hostile, in Chromium', () => {
  const fresh = freshDatabases(embeddedServer)
  let store: FolderStore | undefined
  let api: TestApi
  let browser: Browser
  let tab: Tab

  beforeAll(async () => {
    const { database, modelId } = await fresh()
    store = await plantPhotos(database, modelId)
    api = await startApi(database, store)
    const ingest = new PostgresIngestRepository(database)
    // Every text column of a photo has a payload, and every payload is in every column of some photo.
    const photos = PAYLOADS.map((_, shift) => {
      const texts = TEXT_COLUMNS.map((column, i) => [column, PAYLOADS[(i + shift) % PAYLOADS.length]])
      return aPhoto(`hostile-${shift}`, Object.fromEntries(texts) as Partial<Photo>)
    })
    await ingest.upsertPhotos(photos)
    for (const { photo_id } of photos)
      await store.put(copyKey(photo_id, { height: 512, quality: 65 }), (await store.get('h512-q65/dog.jpg'))!)
    const set = { name: 'hostile', template: '{label}', labels: PAYLOADS.slice(0, 2) }
    await new PostgresLabelRepository(database).savePrompts(modelId, set, [NIGHT, SNOW])
    await ingest.createRun({ id: 'run-hostile', modelId, source: PAYLOADS[0]!, options: { note: PAYLOADS[1] } })
    await ingest.addBatches([
      { id: 'b1', runId: 'run-hostile', kind: 'originals', photoIds: photos.map(p => p.photo_id) },
    ])
    await ingest.finishEnqueue('run-hostile')
    const [failing, ...embedded] = photos
    await ingest.recordOutcome({
      ...{ parentId: 'b1', modelId, labelSets: ['hostile'] },
      embedded: embedded.map(({ photo_id }) => ({
        photoId: photo_id,
        embedding: NIGHT,
        storedKey: copyKey(photo_id, { height: 512, quality: 65 }),
      })),
      failures: [{ photoId: failing!.photo_id, code: 'HTTP_404', message: PAYLOADS[0]!, attempts: 1 }],
    })
    browser = await launchChromium()
    tab = await openTab(browser, api.server.url, {}, /status of 4\d\d/)
  })
  afterAll(async () => {
    await browser?.close()
    await api?.close()
    removeStore(store)
  })

  test.each([
    '/',
    '/search?q=at+night',
    `/search?q=${encodeURIComponent(PAYLOADS[0]!)}`,
    `/search?q=${encodeURIComponent(PAYLOADS[2]!)}`,
    `/search?where=${encodeURIComponent(`photo_description=${PAYLOADS[1]}`)}`,
    ...PAYLOADS.map((_, shift) => `/photos/hostile-${shift}`),
    `/photos/${encodeURIComponent(PAYLOADS[0]!)}`,
    '/labels',
    '/labels/hostile',
    `/labels/${encodeURIComponent(PAYLOADS[0]!)}`,
    '/runs',
    '/runs/run-hostile',
    '/duplicates',
  ])('shows text as text, and runs nothing: %s', async path => {
    const { page } = tab
    await page.goto(`${api.server.url}${path}`)
    await page.waitForLoadState('networkidle')
    await expect.poll(() => page.locator('main').textContent(), { timeout: 20_000 }).not.toBe('')
    expect(await page.evaluate('[window.ran, document.querySelectorAll(".injected").length]')).toEqual([undefined, 0])
    const addresses = await page.evaluate<string[]>(
      '[...document.querySelectorAll("[href], [src], [action]")].map(e => (e.href || e.src || e.action || "").toString())',
    )
    expect(addresses.filter(address => /^\s*(javascript|vbscript|data:text)/i.test(address))).toEqual([])
    expect(
      await page.evaluate(
        '[...document.querySelectorAll("*")].flatMap(e => e.getAttributeNames()).filter(name => name.startsWith("on"))',
      ),
    ).toEqual([])
    // A policy that has to step in would say so here.
    expect(tab.problems).toEqual([])
  })
})
