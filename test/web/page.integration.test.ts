import { describe, expect, test } from 'vitest'
import { hasChromium } from '../support/browser.js'
import { serverKinds } from '../support/servers/postgres.js'
import { openTab, plantCollection, shownCollection, soon } from './support.js'

const PHOTOS = 150
const TILES = '[role=grid] a'

describe.each(serverKinds())('the page on the $kind server', ({ kind, available, start }) => {
  describe.skipIf(!available || !hasChromium())('', () => {
    const shown = shownCollection(start, ({ database, modelId }) => plantCollection(database, modelId, PHOTOS))
    const { open } = shown
    // What asks nothing of the database.
    const once = (name: string, run: () => Promise<void>) => {
      if (kind === 'embedded') test(name, run)
    }
    /** Without the number of near duplicates, which only the results name. */
    const focused = async () =>
      (
        await shown.tab.page.evaluate<string>(
          'document.activeElement.getAttribute("aria-label") ?? document.activeElement.id',
        )
      ).replace(/ \(stands for \d+ more\)$/, '')

    test('home shows the collection at a glance, and searches that lead to hits', async () => {
      const page = await open('/')
      await page.getByRole('heading', { name: 'Search 150 photos by meaning' }).waitFor()
      await soon(() => page.locator('.strip img').count()).toBe(24)
      await page.locator('.bar', { hasText: 'Norway' }).waitFor()
      expect(await shown.tab.violations()).toEqual([])
      await page.locator('.bar', { hasText: 'Norway' }).click()
      await page.getByRole('heading', { name: 'Norway' }).waitFor()
      expect(new URL(page.url()).search).toBe('?country=Norway')
    })

    test('results fill rows, more come with scrolling, and few of them exist at once', async () => {
      const page = await open('/search?q=snow')
      await page.locator(TILES).first().waitFor()
      expect(await page.locator(TILES).first().getAttribute('href')).toBe('/photos/photo-002')
      expect(await shown.tab.violations()).toEqual([])
      await soon(async () => {
        await page.mouse.wheel(0, 3000)
        return page.locator('.results-count').textContent()
      }).toMatch(new RegExp(`^${PHOTOS} photos`))
      expect(await page.locator(TILES).count()).toBeLessThan(80)
      expect(await page.getByRole('status').textContent()).toMatch(new RegExp(`^snow: ${PHOTOS} photos`))
    })

    once('pictures that are scrolled past while they load are let go', async () => {
      const tab = await openTab(shown.browser, shown.api.server.url)
      const session = await tab.page.context().newCDPSession(tab.page)
      const nodes = async () => {
        for (let i = 0; i < 3; i++) await session.send('HeapProfiler.collectGarbage')
        return (await session.send('Memory.getDOMCounters')).nodes
      }
      // Nothing answers.
      await tab.page.route('**/copies/**', () => {})
      await tab.page.goto(`${shown.api.server.url}/search?q=snow`)
      const toEnd = async () => {
        await soon(async () => {
          await tab.page.mouse.wheel(0, 900)
          return tab.page.evaluate('scrollY + innerHeight >= document.documentElement.scrollHeight - 2')
        }).toBe(true)
        return tab.page.locator('.results-count').textContent()
      }
      await tab.page.locator(TILES).first().waitFor()
      await tab.page.mouse.move(640, 500)
      await soon(toEnd).toMatch(new RegExp(`^${PHOTOS} photos`))
      const before = await nodes()
      for (let way = 0; way < 3; way++) {
        await tab.page.evaluate('scrollTo({ top: 0, behavior: "instant" })')
        await toEnd()
      }
      // A way passes more than 1,000 nodes.
      expect((await nodes()) - before).toBeLessThan(1000)
      await tab.close()
    })

    test('filters narrow the results and each other, and go again', async () => {
      const page = await open('/search')
      await page.getByRole('button', { name: 'Filters' }).click()
      const filters = page.getByRole('complementary', { name: 'Filters' })
      await filters.getByRole('link', { name: 'Japan 75' }).click()
      await soon(() => new URL(page.url()).search).toBe('?country=Japan&filters=1')
      await filters.getByRole('link', { name: '2011 15' }).click()
      await soon(() => page.locator('.results-count').textContent()).toMatch(/^15 photos/)
      // What else could be chosen of a facet, under the other conditions.
      await filters.getByRole('link', { name: 'Norway' }).waitFor({ state: 'detached' })
      await filters.getByRole('link', { name: '2013 15' }).waitFor()
      expect(await shown.tab.violations()).toEqual([])
      await page.getByRole('link', { name: 'Remove Country: Japan' }).click()
      await soon(() => new URL(page.url()).search).toBe('?time=2011&filters=1')
      // The address says that the filters are open.
      await page.reload()
      await filters.getByRole('link', { name: '2013 15' }).waitFor()
      await page.keyboard.press('Escape')
      await soon(() => filters.count()).toBe(0)
      expect(new URL(page.url()).search).toBe('?time=2011')
    })

    test('the keyboard alone searches, walks through the hits, opens one, comes back, and filters', async () => {
      const page = await open('/')
      const press = (key: string) => page.keyboard.press(key)
      const search = () => new URL(page.url()).search
      /** Presses a key until the focus is where an expression says. */
      const until = async (key: string, isThere: string) => {
        for (let i = 0; i < 100; i++) {
          await press(key)
          if (await page.evaluate(`(focus => ${isThere})(document.activeElement)`)) return
        }
        throw new Error(`${key} does not lead to ${isThere}`)
      }
      await until('Tab', 'focus.className === "skip"')
      await press('Enter')
      expect(await page.evaluate('document.activeElement.id')).toBe('main')
      await press('/')
      await page.keyboard.type('a dog')
      await press('Enter')
      await page.locator(TILES).first().waitFor()
      await until('Tab', 'focus.closest("[role=grid]") !== null')
      // The focus moves with the key, so that Enter may follow at once.
      const isMoved = `(focus => {
        focus.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }))
        return document.activeElement !== focus
      })(document.activeElement)`
      expect(await page.evaluate(isMoved)).toBe(true)
      await press('ArrowDown')
      await press('ArrowUp')
      const at = await focused()
      await press('Enter')
      await soon(() => page.locator('.photo h1').textContent()).toBe(at)
      await press('ArrowRight')
      const isAnother = (title: string) => title.trim() !== '' && title !== at
      await soon(() => page.locator('.photo h1').textContent()).toSatisfy(isAnother)
      const next = await page.locator('.photo h1').textContent()
      await press('Escape')
      await soon(focused).toBe(next)
      expect(search()).toBe('?q=a+dog')
      await until('Shift+Tab', 'focus.textContent.trim() === "Filters"')
      await press('Enter')
      await page.getByRole('link', { name: 'Japan 75' }).waitFor()
      await until('Tab', 'focus.textContent.startsWith("Japan")')
      await press('Enter')
      await soon(search).toBe('?q=a+dog&country=Japan&filters=1')
      await soon(() => page.locator('.results-count').textContent()).toMatch(/^60\+ photos|^75 photos/)
      expect(await page.evaluate('document.activeElement.textContent')).toMatch(/^Japan/)
      await press('Escape')
      await soon(search).toBe('?q=a+dog&country=Japan')
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Filters')
      await page.goBack()
      await soon(search).toBe('?q=a+dog&filters=1')
    })

    test('going back shows the same place of the same results', async () => {
      const page = await open('/search?sort=oldest')
      await page.locator(TILES).first().waitFor()
      await page.mouse.wheel(0, 900)
      await soon(() => page.evaluate('scrollY')).toBeGreaterThan(500)
      await page.waitForTimeout(100)
      const before = await page.evaluate<number>('scrollY')
      await page.mouse.click(640, 400)
      await page.locator('.photo h1').waitFor()
      expect(await page.evaluate('scrollY')).toBe(0)
      await page.goBack()
      await soon(() => page.evaluate('scrollY')).toBeCloseTo(before, -1)
    })

    once('going back leads to the view of a jump within it', async () => {
      const page = await open('/api')
      await page.evaluate('document.querySelector("main a[href^=\\"#\\"]").click()')
      const { hash } = new URL(page.url())
      expect(hash).toMatch(/^#schema-/)
      await page.getByRole('link', { name: 'Labels', exact: true }).click()
      await page.getByRole('heading', { name: 'Labels', exact: true }).waitFor()
      await page.goBack()
      await page.getByRole('heading', { name: 'HTTP API' }).waitFor()
      expect(new URL(page.url()).hash).toBe(hash)
      await page.locator(hash).waitFor()
      await page.goForward()
      await page.getByRole('heading', { name: 'Labels', exact: true }).waitFor()
      await open(`/api${hash}`)
      await page.locator(hash).waitFor()
    })

    test('a photo has its credit, its labels, similar photos, downloads, and shows what the model saw', async () => {
      const page = await open('/photos/photo-000')
      const credit = page.locator('.credit')
      expect(await credit.textContent()).toBe(
        'Photo by Some Body 0 on Unsplash. Free to use under the Unsplash License.',
      )
      expect(await credit.getByRole('link', { name: 'Unsplash License' }).getAttribute('href')).toBe(
        'https://unsplash.com/license',
      )
      await page.locator('.photo-labels').getByText('at night').waitFor()
      await soon(() => page.locator('.similar img').count()).toBe(18)
      expect(await shown.tab.violations()).toEqual([])
      await page.getByRole('button', { name: 'What the model saw' }).click()
      await page.locator('img.is-square').waitFor()
      await page.getByText('Download').click()
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByText('Vector (JSON)').click()])
      expect(download.suggestedFilename()).toBe('photo-000.vector.json')
    })

    test('relevance hides the weaker hits, scores show on demand, and a link reproduces both', async () => {
      const page = await open('/search?q=snow&cut=0.9&scores=1')
      await page.locator(TILES).first().waitFor()
      const scores = await page.locator('.tile-score').allTextContents()
      expect(scores.length).toBeGreaterThan(0)
      for (const score of scores) expect(Number(score)).toBeGreaterThanOrEqual(0.9)
      await page.getByRole('slider').press('End')
      await soon(() => page.locator('.results-count').textContent()).toBe('1 photo')
      await page.getByLabel('Scores').uncheck()
      await soon(() => new URL(page.url()).search).toMatch(/^\?q=snow&cut=(0\.999|1)$/)
    })

    test('a relevance that no hit reaches says so, also where more hits follow', async () => {
      const page = await open('/')
      await page.route('**/api/v1/search', async route => {
        const response = await route.fetch()
        const { hits, ...rest } = await response.json()
        const weak = hits.map((hit: object) => ({ ...hit, score: 0.2 }))
        await route.fulfill({ response, json: { ...rest, hits: weak, next: 'more' } })
      })
      await page.goto(`${shown.api.server.url}/search?q=snow&cut=0.9`)
      await page.getByText('No photo is this similar.').waitFor()
      expect(await page.locator('.results-count').textContent()).toBe('0 photos')
      await page.unroute('**/api/v1/search')
      const ways = page.getByRole('link', { name: 'Show less similar ones' })
      expect(await ways.getAttribute('href')).toBe('/search?q=snow')
    })

    test('a search like a photo that was removed offers to drop the photo', async () => {
      const tab = await openTab(shown.browser, shown.api.server.url, {}, /status of 40[49]/)
      const { page } = tab
      await page.goto(`${shown.api.server.url}/search?q=snow&like=removed`)
      await page.getByText('Photo removed is not embedded').waitFor()
      await soon(() => page.locator('.chip img').isVisible()).toBe(false)
      await page.getByRole('link', { name: 'Drop photo removed' }).click()
      await page.locator(TILES).first().waitFor()
      expect(new URL(page.url()).search).toBe('?q=snow')
      expect(tab.problems).toEqual([])
      await tab.close()
    })

    test('a title as long as a page takes three lines, and the tools of a laptop one', async () => {
      // More words than the model takes.
      const tab = await openTab(shown.browser, shown.api.server.url, {}, /status of 422/)
      const { page } = tab
      await page.goto(`${shown.api.server.url}/search?q=${'snow%20'.repeat(80)}`)
      await page.locator('.results-title').waitFor()
      const lines = await page.evaluate<number>(
        `(title => title.clientHeight / parseFloat(getComputedStyle(title).lineHeight))(document.querySelector('h1'))`,
      )
      expect(Math.round(lines)).toBe(3)
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.goto(`${shown.api.server.url}/search?q=snow`)
      const tops = await page
        .locator('.tools > *')
        .evaluateAll(tools =>
          tools.map(tool => tool.getBoundingClientRect()).map(({ top, height }) => Math.round(top + height / 2)),
        )
      expect(Math.max(...tops) - Math.min(...tops)).toBeLessThan(8)
      expect(tab.problems).toEqual([])
      await tab.close()
    })

    test('only what shows it: the list ends there and says so, and the nearest ones are a click away', async () => {
      const page = await open('/search?q=snow')
      await page.locator(TILES).first().waitFor()
      await page.getByLabel('Only what shows it').check()
      await page.getByText(/^\d+ photos? shows? this; the rest does not\.|^\d+ photos show this/).waitFor()
      expect(new URL(page.url()).search).toBe('?q=snow&relevant=1')
      expect(Number.parseInt((await page.locator('.results-count').textContent())!, 10)).toBeLessThan(PHOTOS / 2)
      expect(await shown.tab.violations()).toEqual([])
      await page.getByRole('link', { name: 'Show the nearest ones' }).click()
      await soon(() => new URL(page.url()).search).toBe('?q=snow')
      await open('/search?q=snow&relevant=1&country=Nowhere')
      await page.getByRole('link', { name: 'Remove all filters' }).click()
      await page.locator(TILES).first().waitFor()
      await open('/search?like=photo-000&relevant=1')
      expect(await page.getByLabel('Only what shows it').isDisabled()).toBe(true)
      await page.locator(TILES).first().waitFor()
    })

    test('a dropped file that is no picture is named', async () => {
      const page = await open('/')
      const dropped = await page.evaluateHandle(
        `(() => {
          const data = new DataTransfer()
          data.items.add(new File(['hello'], 'note.txt', { type: 'text/plain' }))
          return data
        })()`,
      )
      await page.dispatchEvent('body', 'drop', { dataTransfer: dropped })
      await page.getByRole('alert').getByText('Expected a picture, found note.txt.').waitFor()
      await page.getByRole('button', { name: 'Close' }).click()
      expect(await page.getByRole('alert').count()).toBe(0)
    })

    test('a picture is searched for by its vector, which the address holds', async () => {
      const page = await open('/search?q=snow')
      await page.getByRole('button', { name: 'Search by a picture' }).click()
      expect(await shown.tab.violations()).toEqual([])
      await page.locator('dialog input[type=file]').setInputFiles({
        name: 'green.png',
        mimeType: 'image/png',
        buffer: Buffer.from(
          await (await fetch(`${shown.api.server.url}/api/v1/photos/photo-000/square`)).arrayBuffer(),
        ),
      })
      await page.locator('.chip', { hasText: 'like your picture' }).waitFor()
      expect(page.url()).toContain('pic=')
      await page.locator('.chip').click()
      await soon(() => new URL(page.url()).search).toBe('?q=snow')
    })

    test('what is missing, empty or out of reach is said, with a way on', async () => {
      const lost = await openTab(shown.browser, shown.api.server.url, {}, /404|422|ERR_FAILED|Failed to load/)
      const { page } = lost
      const base = shown.api.server.url
      await page.goto(`${base}/search?country=Nowhere`)
      await page.getByRole('link', { name: 'Remove all filters' }).waitFor()
      expect(await lost.violations()).toEqual([])
      await page.route('**/api/v1/**', route => route.abort())
      await page.getByRole('link', { name: 'Remove all filters' }).click()
      await page.getByRole('heading', { name: 'No connection to the server' }).waitFor()
      await page.unroute('**/api/v1/**')
      await page.getByRole('button', { name: 'Try again' }).click()
      await page.locator(TILES).first().waitFor()
      for (const [path, heading, wayOn] of [
        ['/photos/nowhere', 'There is no such photo', '/search'],
        ['/photos/no%20id', 'There is no such photo', '/search'],
        ['/labels/nothing', 'There is no such label set', '/labels'],
        ['/serach?q=snow', 'There is no such page', '/'],
        ['/photos/%E0%A4%A', 'There is no such page', '/'],
      ] as const) {
        const answer = await page.goto(`${base}${path}`)
        expect(answer?.status(), path).toBe(heading === 'There is no such page' ? 404 : 200)
        await page.getByRole('heading', { name: heading, level: 1 }).waitFor()
        expect(await page.getByRole('button', { name: 'Try again' }).count(), path).toBe(0)
        expect(await lost.violations(), path).toEqual([])
        await page.getByRole('main').getByRole('link').first().click()
        await soon(() => new URL(page.url()).pathname).toBe(wayOn)
      }
      expect(lost.problems).toEqual([])
      await lost.close()
    })

    test('filters of a link that mean nothing, or that the collection does not know, can be dropped', async () => {
      const lost = await openTab(shown.browser, shown.api.server.url, {}, /status of 422/)
      const { page } = lost
      const search = () => new URL(page.url()).search
      await page.goto(`${shown.api.server.url}/search?time=soon&country=Japan&near=99,0,1`)
      const wrong = page.getByRole('alert', { name: 'Filters that mean nothing' })
      await wrong.getByText('Date “soon” means nothing').waitFor()
      await wrong.getByText('Place “99,0,1” means nothing').waitFor()
      await soon(() => page.locator('.results-count').textContent()).toMatch(/^75 photos|^60\+ photos/)
      expect(await lost.violations()).toEqual([])
      await wrong.getByRole('link', { name: 'Drop this filter' }).first().click()
      await soon(search).toBe('?country=Japan&near=99%2C0%2C1')
      await wrong.getByRole('link', { name: 'Drop this filter' }).click()
      await soon(search).toBe('?country=Japan')
      await soon(() => wrong.count()).toBe(0)
      await page.goto(`${shown.api.server.url}/search?q=snow&label=time%3Dnoon&country=Japan`)
      await page.getByText('has no label "noon"').waitFor()
      expect(await lost.violations()).toEqual([])
      await page.getByRole('link', { name: 'Drop Label: time: noon' }).click()
      await soon(search).toBe('?q=snow&country=Japan')
      await page.locator(TILES).first().waitFor()
      expect(lost.problems).toEqual([])
      await lost.close()
    })

    test('a search says in which order the photos come', async () => {
      const page = await open('/search?q=snow')
      const count = page.locator('.results-count')
      await soon(() => count.textContent()).toMatch(/photos by relevance/)
      await page.getByRole('combobox', { name: 'Order' }).selectOption('Newest first')
      await soon(() => count.textContent()).toMatch(new RegExp(`^${PHOTOS} photos, newest first`))
      await page.getByRole('searchbox').fill('')
      await page.keyboard.press('Enter')
      await soon(() => count.textContent()).toMatch(/photos$|photos, \d+ near/)
    })

    once('the reference shows every endpoint, what it takes and what it answers', async () => {
      const page = await open('/')
      await page.getByRole('link', { name: 'HTTP API' }).click()
      await page.getByRole('heading', { name: 'HTTP API', level: 1 }).waitFor()
      const { paths } = (await shown.api.read('/openapi.json')) as unknown as { paths: Record<string, object> }
      const endpoints = Object.values(paths).flatMap(methods => Object.keys(methods))
      await soon(() => page.locator('.operation[id]').count()).toBe(endpoints.length)
      const search = page.locator('.operation[id=searchBy]')
      await search.locator('summary').click()
      await search.getByText('Body, application/json').waitFor()
      expect(await shown.tab.violations()).toEqual([])
      await search.getByRole('link', { name: 'SearchRequest' }).click()
      await page.locator('#schema-SearchRequest').getByText('A combination, in place of a single subject.').waitFor()
      expect(new URL(page.url()).hash).toBe('#schema-SearchRequest')
    })

    test('small and dark windows have the same views, without a bar to scroll sideways', async () => {
      const phone = await openTab(shown.browser, shown.api.server.url, {
        viewport: { width: 320, height: 640 },
        colorScheme: 'dark',
        hasTouch: true,
      })
      for (const path of ['/', '/search?q=snow&minus=night&country=Norway', '/photos/photo-001', '/api']) {
        await phone.page.goto(`${shown.api.server.url}${path}`, { waitUntil: 'networkidle' })
        expect(await phone.violations(), path).toEqual([])
        expect(await phone.page.evaluate('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(320)
      }
      await phone.page.goto(`${shown.api.server.url}/search?q=snow`)
      await phone.page.locator(TILES).first().waitFor()
      // Four rows: the photos begin on the first screen.
      expect((await phone.page.locator('.tools').boundingBox())!.height).toBeLessThan(180)
      expect(phone.problems).toEqual([])
      await phone.close()
    })
  })
})
