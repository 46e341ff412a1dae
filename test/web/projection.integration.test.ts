import { describe, expect, test } from 'vitest'
import { PostgresProjectionRepository } from '../../src/db/analysis/projection-repository.js'
import { hasChromium } from '../support/browser.js'
import { embeddedServer } from '../support/servers/postgres.js'
import { openTab, plantCollection, shownCollection, soon } from './support.js'

const PHOTOS = 60

describe.skipIf(!hasChromium())('the map of the page', () => {
  const shown = shownCollection(embeddedServer, ({ database, modelId }) => plantCollection(database, modelId, PHOTOS))
  const save = (count: number) => {
    const { database, modelId } = shown.made
    const ids = Array.from({ length: count }, (_, i) => `photo-${String(i).padStart(3, '0')}`)
    const points = Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? i % 16 : i / 16))
    const projection = { name: 'umap', method: 'umap', parameters: {} }
    return new PostgresProjectionRepository(database).save(modelId, projection, { ids, points })
  }
  const parameters = () => new URL(shown.tab.page.url()).searchParams
  const map = () => shown.tab.page.getByRole('application', { name: /^Map of similar photos/ })

  /** The colours come after the points. */
  const isDrawn = () => shown.tab.page.getByRole('link', { name: /^at night/ }).waitFor()

  test('says how to make one where there is none', async () => {
    await shown.tab.page.goto(`${shown.api.server.url}/map`)
    await shown.tab.page.getByRole('heading', { name: 'No map yet' }).waitFor()
    expect(await shown.tab.violations()).toEqual([])
  })

  test('keeps its size when the colours come later', async () => {
    await save(PHOTOS)
    const late = await openTab(shown.browser, shown.api.server.url)
    let send = () => {}
    const isSent = new Promise<void>(resolve => {
      send = resolve
    })
    await late.page.route('**/colors?*', async route => {
      await isSent
      await route.continue()
    })
    await late.page.goto(`${shown.api.server.url}/map`)
    const drawn = late.page.getByRole('application', { name: /^Map of similar photos/ })
    const before = await drawn.boundingBox()
    send()
    await late.page.getByRole('link', { name: /^at night/ }).waitFor()
    expect(await drawn.boundingBox()).toEqual(before)
    expect(late.problems).toEqual([])
    await late.close()
  })

  test('shows the photos in the colours of a label set, and of metadata', async () => {
    await save(PHOTOS)
    await shown.tab.page.goto(`${shown.api.server.url}/map`)
    await isDrawn()
    await soon(() => shown.tab.page.locator('.points-photo img').count()).toBeGreaterThan(10)
    expect(await shown.tab.violations()).toEqual([])
    await shown.tab.page.getByLabel('Colour by').selectOption('country')
    await shown.tab.page.getByRole('link', { name: 'Norway 30' }).click()
    await soon(() => parameters().get('only')).toBe('Norway')
    expect(parameters().get('by')).toBe('country')
  })

  test('moves and zooms by keys, wheel and drag; the address follows; a picture leads to its photo', async () => {
    await shown.tab.page.goto(`${shown.api.server.url}/map`)
    await isDrawn()
    await map().focus()
    await shown.tab.page.keyboard.press('+')
    await shown.tab.page.keyboard.press('ArrowRight')
    await soon(() => parameters().get('at')).toMatch(/,1\.5$/)
    const before = parameters().get('at')
    const { x, y } = (await map().boundingBox())!
    await shown.tab.page.mouse.move(x + 20, y + 20)
    await shown.tab.page.mouse.wheel(0, -300)
    await soon(() => parameters().get('at')).not.toBe(before)
    await shown.tab.page.mouse.down()
    await shown.tab.page.mouse.move(x + 90, y + 60, { steps: 4 })
    await shown.tab.page.mouse.up()
    await shown.tab.page.reload()
    await isDrawn()
    await map().focus()
    await shown.tab.page.keyboard.press('0')
    await soon(() => parameters().get('at')).toBeNull()
    const picture = shown.tab.page.locator('.points-photo').first()
    const href = await picture.getAttribute('href')
    await picture.focus()
    await shown.tab.page.keyboard.press('Enter')
    await soon(() => new URL(shown.tab.page.url()).pathname).toBe(href)
  })

  test('is dark where the system is', async () => {
    const dark = await openTab(shown.browser, shown.api.server.url, { colorScheme: 'dark' })
    await dark.page.goto(`${shown.api.server.url}/map`)
    await dark.page.locator('.points-photo').first().waitFor()
    expect(await dark.violations()).toEqual([])
    await dark.close()
  })
})
