import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PostgresProjectionRepository } from '../../src/db/analysis/projection-repository.js'
import type { FolderStore } from '../../src/storage/folder-store.js'
import { freshDatabases } from '../db/fresh-databases.js'
import { removeStore, startApi, type TestApi } from '../http/support.js'
import { hasChromium, launchChromium } from '../support/browser.js'
import { embeddedServer } from '../support/servers/postgres.js'
import { openTab, plantCollection, type Tab } from './support.js'

const PHOTOS = 60
const soon = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000 })

describe.skipIf(!hasChromium())('the map of the page', () => {
  const fresh = freshDatabases(embeddedServer)
  let api: TestApi
  let store: FolderStore | undefined
  let browser: Browser
  let tab: Tab
  let save: (count: number) => Promise<unknown>

  beforeAll(async () => {
    const { database, modelId } = await fresh()
    store = await plantCollection(database, modelId, PHOTOS)
    const projections = new PostgresProjectionRepository(database)
    save = count => {
      const ids = Array.from({ length: count }, (_, i) => `photo-${String(i).padStart(3, '0')}`)
      const points = Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? i % 16 : i / 16))
      return projections.save(modelId, { name: 'umap', method: 'umap', parameters: {} }, { ids, points })
    }
    api = await startApi(database, store)
    browser = await launchChromium()
    tab = await openTab(browser, api.server.url)
  })
  afterAll(async () => {
    expect(tab?.problems ?? []).toEqual([])
    await browser?.close()
    await api?.close()
    removeStore(store)
  })
  const parameters = () => new URL(tab.page.url()).searchParams
  const map = () => tab.page.getByRole('application', { name: /^Map of similar photos/ })

  test('says how to make one where there is none', async () => {
    await tab.page.goto(`${api.server.url}/map`)
    await tab.page.getByRole('heading', { name: 'No map yet' }).waitFor()
    expect(await tab.violations()).toEqual([])
  })

  test('shows the photos in the colours of a label set, and of metadata', async () => {
    await save(PHOTOS)
    await tab.page.goto(`${api.server.url}/map`)
    await map().waitFor()
    await tab.page.getByRole('link', { name: /^at night/ }).waitFor()
    await soon(() => tab.page.locator('.points-photo img').count()).toBeGreaterThan(10)
    expect(await tab.violations()).toEqual([])
    await tab.page.getByLabel('Colour by').selectOption('country')
    await tab.page.getByRole('link', { name: 'Norway 30' }).click()
    await soon(() => parameters().get('only')).toBe('Norway')
    expect(parameters().get('by')).toBe('country')
  })

  test('moves and zooms by keys, wheel and drag; the address follows; a picture leads to its photo', async () => {
    await tab.page.goto(`${api.server.url}/map`)
    await map().focus()
    await tab.page.keyboard.press('+')
    await tab.page.keyboard.press('ArrowRight')
    await soon(() => parameters().get('at')).toMatch(/,1\.5$/)
    const before = parameters().get('at')
    const { x, y } = (await map().boundingBox())!
    await tab.page.mouse.move(x + 20, y + 20)
    await tab.page.mouse.wheel(0, -300)
    await soon(() => parameters().get('at')).not.toBe(before)
    await tab.page.mouse.down()
    await tab.page.mouse.move(x + 90, y + 60, { steps: 4 })
    await tab.page.mouse.up()
    await tab.page.reload()
    await map().focus()
    await tab.page.keyboard.press('0')
    await soon(() => parameters().get('at')).toBeNull()
    const picture = tab.page.locator('.points-photo').first()
    const href = await picture.getAttribute('href')
    await picture.focus()
    await tab.page.keyboard.press('Enter')
    await soon(() => new URL(tab.page.url()).pathname).toBe(href)
  })

  test('is dark where the system is', async () => {
    const dark = await openTab(browser, api.server.url, { colorScheme: 'dark' })
    await dark.page.goto(`${api.server.url}/map`)
    await dark.page.locator('.points-photo').first().waitFor()
    expect(await dark.violations()).toEqual([])
    await dark.close()
  })
})
