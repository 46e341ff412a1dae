import { describe, expect, test } from 'vitest'
import { dot } from '../../src/domain/similarity.js'
import { randomVector } from '../db/factories.js'
import { DOG, NIGHT, SNOW } from '../search/support.js'
import { hasChromium } from '../support/browser.js'
import { randomNumbers } from '../support/random-numbers.js'
import { serverKinds } from '../support/servers/postgres.js'
import { openTab, plantCollection, shownCollection, soon } from './support.js'

const PHOTOS = 40
const TILES = '[role=grid] a'

/** Adds up what moves without anybody having done anything. */
const OBSERVE_SHIFTS = `
  window.shifted = 0
  new PerformanceObserver(list => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) shifted += value
  }).observe({ type: 'layout-shift', buffered: true })`

/** The first photos, of which four look the same, and others that look like none. */
function vectors(): Float32Array[] {
  const made: Float32Array[] = [DOG, NIGHT, SNOW, SNOW, SNOW, SNOW]
  const random = randomNumbers(11)
  while (made.length < PHOTOS) {
    const next = randomVector(4, random)
    if (made.every(other => dot(other, next) < 0.9)) made.push(next)
  }
  return made
}

describe.each(serverKinds())('exploring on the $kind server', ({ available, start }) => {
  describe.skipIf(!available || !hasChromium())('', () => {
    const shown = shownCollection(start, async ({ database, modelId }) => {
      const store = await plantCollection(database, modelId, PHOTOS, vectors())
      // Half of them around Bergen, a quarter in Kyoto; the rest has no place. The snow of the first six has words in common.
      await database.query(
        `update photos set photo_location_latitude = case photo_location_country when 'Norway' then 60.39 else 35.01 end,
                           photo_location_longitude = case photo_location_country when 'Norway' then 5.32 else 135.77 end
          where photo_location_country = 'Norway' or photo_id < 'photo-020'`,
      )
      await database.query(
        `update photos set photo_description = 'a white mountain, ' || photo_id where photo_id between 'photo-002' and 'photo-005'`,
      )
      await database.query(
        `update photos set photo_image_url = 'file:///home/me/photos/' || case photo_location_country when 'Norway' then 'The%20north/' else 'Japan/' end || photo_id || '.jpg'`,
      )
      await database.query(
        `insert into photo_colors (photo_id, hex, keyword) select photo_id, 'FFFAFA', 'snow' from photos where photo_id < 'photo-010'`,
      )
      await database.query(
        `insert into photo_collections (photo_id, collection_id, collection_title)
         select photo_id, '17', 'Winter' from photos where photo_id < 'photo-008'`,
      )
      return store
    })
    const { open } = shown
    const search = () => decodeURIComponent(new URL(shown.tab.page.url()).search)

    test('near duplicates are one photo with a count, which a click or a key opens', async () => {
      const page = await open('/search?q=snow')
      await soon(() => page.locator('.results-count').textContent()).toBe(
        '40 photos by relevance, 3 near duplicates hidden',
      )
      const first = page.locator(TILES).first()
      expect(await first.getAttribute('href')).toBe('/photos/photo-002')
      await page.getByRole('button', { name: 'Show 3 near duplicates' }).click()
      await soon(search).toBe('?q=snow&open=photo-002')
      await soon(() => page.locator('.results-count').textContent()).toBe('40 photos by relevance')
      const hrefs = await page.locator(TILES).evaluateAll(tiles => tiles.slice(0, 4).map(it => it.getAttribute('href')))
      expect(hrefs).toEqual(['002', '003', '004', '005'].map(it => `/photos/photo-${it}`))
      expect(await shown.tab.violations()).toEqual([])
      await first.focus()
      await page.keyboard.press('d')
      await soon(search).toBe('?q=snow')
      await page.getByRole('checkbox', { name: 'Near duplicates' }).check()
      await soon(search).toBe('?q=snow&all=1')
      await soon(() => page.locator('.results-count').textContent()).toBe('40 photos by relevance')
    })

    test('photos of the results that are hidden are not among those to go on to', async () => {
      const page = await open('/search?q=snow')
      await page.locator(TILES).first().click()
      await page.locator('.photo-steps').getByText('1 of 37').waitFor()
      await page.keyboard.press('ArrowRight')
      await soon(() => new URL(page.url()).pathname).not.toMatch(/photo-00[2345]/)
    })

    test('words that the hits share can be searched for, or against', async () => {
      const page = await open('/search?country=Norway&collection=Winter')
      const words = page.getByRole('region', { name: 'These hits share' })
      await words.getByRole('link', { name: 'Less of: mountain' }).waitFor()
      expect(await shown.tab.violations()).toEqual([])
      await words.getByRole('link', { name: 'Less of: mountain' }).click()
      await soon(search).toBe('?minus=mountain&country=Norway&collection=Winter')
      await page.goBack()
      await words.getByRole('link', { name: 'More of: mountain' }).click()
      await soon(search).toBe('?plus=mountain&country=Norway&collection=Winter')
      await page.getByRole('link', { name: 'Remove plus mountain' }).waitFor()
      expect(await words.getByRole('link', { name: 'More of: mountain' }).count()).toBe(0)
    })

    test('a dot of the map restricts the results to its photos, and the map goes there', async () => {
      const page = await open('/search?map=1')
      const map = page.getByRole('region', { name: 'Places' })
      await map.getByText('30 photos have a place').waitFor()
      await map.getByRole('link', { name: /^20 photos around 60\.4° N, 5\.3° E$/ }).waitFor()
      expect(await shown.tab.violations()).toEqual([])
      await map.getByRole('link', { name: /^10 photos around/ }).click()
      await soon(search).toBe('?near=35.01,135.77,1&map=1')
      await soon(() => page.locator('.results-count').textContent()).toMatch(/^10 photos/)
      // The rest of the Earth is out of sight.
      await soon(() => map.locator('.map-dot').count()).toBe(1)
      await map.getByRole('button', { name: 'Whole Earth' }).click()
      await soon(() => map.locator('.map-dot').count()).toBe(2)
      await page.getByRole('link', { name: 'Any place' }).click()
      await soon(search).toBe('?map=1')
    })

    test('a circle that is drawn on the map restricts the results; so does a click', async () => {
      const page = await open('/search?map=1')
      const dot = page.getByRole('link', { name: /^20 photos around/ })
      const { x, y, width, height } = (await dot.boundingBox())!
      const [middle, beside] = [x + width / 2, y + height / 2 + 40]
      await page.mouse.move(middle, beside)
      await page.mouse.down()
      await page.mouse.move(middle, beside - 30, { steps: 3 })
      await page.mouse.move(middle, beside - 60, { steps: 3 })
      await page.locator('.map-radius').waitFor()
      await page.mouse.up()
      await soon(search).toMatch(/^\?near=-?[\d.]+,-?[\d.]+,\d+&map=1$/)
      await soon(() => page.locator('.results-count').textContent()).toMatch(/^20 photos/)
      await page.goBack()
      await soon(search).toBe('?map=1')
      await page.locator('.map-box').click({ position: { x: 20, y: 100 } })
      await soon(search).toMatch(/^\?near=/)
    })

    test('years and months restrict the results, and so do all bars of a drag', async () => {
      const page = await open('/search?map=1')
      const dates = page.getByRole('region', { name: 'Dates' })
      await dates.getByText('40 photos have a date').waitFor()
      await dates.getByRole('link', { name: '2013: 4 photos' }).click()
      await soon(search).toBe('?time=2013&map=1')
      await dates
        .getByRole('list', { name: 'Months of 2013' })
        .getByRole('link', { name: 'May 2013: 4 photos' })
        .click()
      await soon(search).toBe('?time=2013-05&map=1')
      await soon(() => page.locator('.results-count').textContent()).toMatch(/^4 photos/)
      expect(await shown.tab.violations()).toEqual([])
      await dates.getByRole('link', { name: 'Any date' }).click()
      await soon(search).toBe('?map=1')
      const [from, to] = await Promise.all(
        ['2016: 4 photos', '2012: 4 photos'].map(name => dates.getByRole('link', { name }).boundingBox()),
      )
      await page.mouse.move(from!.x + from!.width / 2, from!.y + 20)
      await page.mouse.down()
      await page.mouse.move(to!.x + to!.width / 2, to!.y + 20, { steps: 8 })
      await page.mouse.up()
      await soon(search).toBe('?time=2012..2016&map=1')
      await soon(() => page.locator('.results-count').textContent()).toMatch(/^20 photos/)
    })

    test('map and dates follow what is searched for, and each other', async () => {
      const page = await open('/search?near=35.01,135.77,1&country=Japan&map=1')
      const dates = page.getByRole('region', { name: 'Dates' })
      await dates.getByText('10 photos have a date').waitFor()
      await page.goto(`${shown.api.server.url}/search?time=2011&map=1`)
      await page.getByRole('region', { name: 'Places' }).getByText('2 photos have a place').waitFor()
      await dates.getByRole('link', { name: '2012: 4 photos' }).waitFor()
      await page.goto(`${shown.api.server.url}/search?q=snow&cut=0.99&map=1`)
      await dates.getByText('4 photos have a date').waitFor()
      await page.getByRole('slider').press('Home')
      await dates.getByText('40 photos have a date').waitFor()
    })

    test('colours, collections and folders are facets; each shows what else could be chosen', async () => {
      const page = await open('/search')
      await page.getByRole('button', { name: 'Filters' }).click()
      const filters = page.getByRole('complementary', { name: 'Filters' })
      await filters.getByText('Colour').click()
      await filters.getByText('Collection').click()
      await filters.getByRole('link', { name: 'Winter 8' }).waitFor()
      expect(await shown.tab.violations()).toEqual([])
      await filters.getByRole('link', { name: 'The north 20' }).click()
      await soon(search).toBe('?folder=file:///home/me/photos/The%20north/&filters=1')
      await page.getByRole('link', { name: 'Remove Folder: The north' }).waitFor()
      await filters.getByRole('link', { name: 'snow 5' }).click()
      await soon(search).toBe('?color=snow&folder=file:///home/me/photos/The%20north/&filters=1')
      await filters.getByRole('link', { name: 'Norway 5' }).click()
      await page.getByRole('link', { name: 'Remove Folder: The north' }).click()
      await soon(search).toBe('?country=Norway&color=snow&filters=1')
      await filters.getByRole('link', { name: 'Japan 5' }).click()
      await soon(() => page.locator('.results-count').textContent()).toMatch(/^10 photos/)
    })

    test('a photo with a place shows it on the map, and leads to the photos around', async () => {
      const page = await open('/photos/photo-000')
      const place = page.getByRole('region', { name: 'Place' })
      await place.locator('.map-pin').waitFor()
      expect(await shown.tab.violations()).toEqual([])
      await place.getByRole('link', { name: 'Photos within 50 km' }).click()
      await soon(search).toBe('?near=60.39,5.32,50&map=1')
      await soon(() => page.locator('.results-count').textContent()).toMatch(/^20 photos/)
      await open('/photos/photo-039')
      await page.locator('.photo-facts').waitFor()
      expect(await page.locator('.photo-map').count()).toBe(0)
    })

    test('nothing that is shown moves while the rest is loaded', async () => {
      for (const width of [390, 1280]) {
        const still = await openTab(shown.browser, shown.api.server.url, { viewport: { width, height: 800 } })
        await still.page.addInitScript(OBSERVE_SHIFTS)
        for (const path of [
          '/search?collection=Winter&map=1',
          '/search?like=photo-000&collection=Winter',
          '/photos/photo-000',
          '/',
        ]) {
          await still.page.goto(`${shown.api.server.url}${path}`, { waitUntil: 'networkidle' })
          // "Good" of the Core Web Vitals ends at 0.1.
          expect(await still.page.evaluate('shifted'), `${path} at ${width}`).toBeLessThan(0.05)
        }
        expect(still.problems).toEqual([])
        await still.close()
      }
    })

    test('small and dark windows show all of it, and a tap chooses a place', async () => {
      const phone = await openTab(shown.browser, shown.api.server.url, {
        viewport: { width: 320, height: 640 },
        colorScheme: 'dark',
        hasTouch: true,
      })
      for (const path of ['/search?q=snow&map=1', '/search?time=2013&map=1&country=Japan', '/photos/photo-000']) {
        await phone.page.goto(`${shown.api.server.url}${path}`, { waitUntil: 'networkidle' })
        expect(await phone.violations(), path).toEqual([])
        expect(await phone.page.evaluate('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(320)
      }
      await phone.page.goto(`${shown.api.server.url}/search?map=1`)
      await phone.page.getByRole('link', { name: /^20 photos around/ }).tap()
      await soon(() => decodeURIComponent(new URL(phone.page.url()).search)).toBe('?near=60.39,5.32,1&map=1')
      await phone.page.getByRole('button', { name: 'Filters' }).tap()
      await phone.page.getByRole('link', { name: 'Norway 20' }).waitFor()
      expect(await phone.violations()).toEqual([])
      await phone.page.getByRole('button', { name: 'Show the photos' }).tap()
      await soon(() => phone.page.getByRole('complementary', { name: 'Filters' }).count()).toBe(0)
      expect(phone.problems).toEqual([])
      await phone.close()
    })
  })
})
