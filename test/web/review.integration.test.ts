import { describe, expect, test } from 'vitest'
import { startApi } from '../http/support.js'
import { NIGHT, SNOW } from '../search/support.js'
import { hasChromium } from '../support/browser.js'
import { serverKinds } from '../support/servers/postgres.js'
import { openTab, plantCollection, shownCollection, soon } from './support.js'

/** Degrees from night to snow. Two are one photo twice, three are almost alike, and the rest lies apart. */
const ANGLES = [0, 0.5, 30, 32, 34, 60, 80, 89]
const between = (degrees: number) =>
  NIGHT.map((x, i) => x * Math.cos((degrees * Math.PI) / 180) + SNOW[i]! * Math.sin((degrees * Math.PI) / 180))

describe.each(serverKinds())(
  'checking labels and removing duplicates on the page, on the $kind server',
  ({ available, start }) => {
    describe.skipIf(!available || !hasChromium())('', () => {
      const shown = shownCollection(start, ({ database, modelId }) =>
        plantCollection(database, modelId, ANGLES.length, ANGLES.map(between)),
      )
      const { open } = shown

      test('labels show histograms, each label leading to its photos, and samples', async () => {
        const page = await open('/labels')
        await page.getByRole('heading', { name: 'time' }).waitFor()
        expect(await shown.tab.violations()).toEqual([])
        expect(await page.getByRole('link', { name: /^at night/ }).textContent()).toBe('at night5 · 63 %')
        await page.getByRole('link', { name: 'Look at samples of time' }).click()
        await soon(() => new URL(page.url()).pathname).toBe('/labels/time')
        await soon(() => page.locator('.review-photo').count()).toBe(ANGLES.length)
        expect(await page.locator('.nav-entry[aria-current]').textContent()).toBe('Labels')
        await page.getByRole('link', { name: 'Other samples' }).click()
        await soon(() => new URL(page.url()).search).toBe('?seed=1')
        await page.getByRole('link', { name: 'at night', exact: true }).click()
        await soon(() => new URL(page.url()).search).toBe('?label=time%3Dat+night')
      })

      test('clicks and keys mark labels; the precision follows, and stays after a reload', async () => {
        const page = await open('/labels/time')
        const night = page.getByRole('region', { name: 'at night', exact: true })
        await night.getByText('Not checked yet').waitFor()
        await night
          .getByRole('button', { name: /^Wrong: / })
          .first()
          .click()
        await night.getByText('1 checked, 0 % right (0–79 %)').waitFor()
        await night.locator('a.review-picture').nth(1).focus()
        await page.keyboard.press('r')
        await night.getByText('2 checked, 50 % right (9–91 %)').waitFor()
        expect(await page.evaluate('document.activeElement.className')).toBe('review-picture')
        await soon(() => page.getByRole('status').textContent()).toContain('Marked as right. at night: 2 checked')
        expect(await shown.tab.violations()).toEqual([])
        await night.getByRole('button', { name: 'The rest is right: at night' }).click()
        await night.getByText('5 checked, 80 % right (38–96 %)').waitFor()
        await page.reload()
        await night.getByText('5 checked, 80 % right (38–96 %)').waitFor()
        await night
          .locator('.is-wrong')
          .getByRole('button', { name: /^Wrong: / })
          .click()
        await night.getByText('4 checked, 100 % right (51–100 %)').waitFor()
        await page.getByRole('link', { name: 'Doubtful first' }).click()
        await soon(() => night.locator('.review-photo').count()).toBe(1)
      })

      test('who may not write sees the labels and their precision, and nothing to click', async () => {
        const reader = await startApi(shown.api.database, shown.store, { options: { anonymous: 'read' } })
        const other = await openTab(shown.browser, reader.server.url)
        await other.page.goto(`${reader.server.url}/labels/time`)
        await other.page.locator('.review-photo').first().waitFor()
        expect(await other.page.locator('.review-mark, .label-head button').count()).toBe(0)
        await other.page.goto(`${reader.server.url}/duplicates`)
        await other.page.locator('.duplicate-photo dl').first().waitFor()
        expect(await other.page.locator('.duplicate-actions button').count()).toBe(0)
        expect(other.problems).toEqual([])
        await other.close()
        await reader.close()
      })

      test('says before the removal that photos may be alike only through others', async () => {
        const page = await open('/duplicates?least=0.998')
        const note = page.getByRole('dialog').getByText('only through others')
        for (const [id, isSaid] of [
          ['photo-003', false],
          ['photo-002', true],
        ] as const) {
          await page.getByRole('button', { name: `Keep this one: ${id}` }).click()
          await page.getByRole('heading', { name: 'Remove 2 photos?' }).waitFor()
          expect(await note.count(), id).toBe(isSaid ? 1 : 0)
          await page.keyboard.press('Escape')
          await soon(() => page.getByRole('dialog').count()).toBe(0)
        }
      })

      test('of duplicates one is kept, after a question; the focus goes on to the next group', async () => {
        const page = await open('/duplicates?least=0.99')
        await page.getByRole('heading', { name: '2 groups of duplicates' }).waitFor()
        await soon(() => page.locator('.duplicate-photo img').count()).toBe(5)
        expect(await shown.tab.violations()).toEqual([])
        await page.getByRole('button', { name: 'Keep this one: photo-000' }).click()
        const dialog = page.getByRole('dialog', { name: 'Remove 1 photo?' })
        await dialog.getByText('The original file is never deleted').waitFor()
        expect(await shown.tab.violations()).toEqual([])
        await dialog.getByRole('button', { name: 'Cancel' }).click()
        await soon(() => dialog.count()).toBe(0)
        expect(await page.evaluate('document.activeElement.ariaLabel')).toBe('Keep this one: photo-000')
        await page.keyboard.press('Enter')
        await dialog.getByRole('button', { name: 'Remove 1 photo' }).click()
        await page.getByRole('heading', { name: '1 group of duplicates' }).waitFor()
        await soon(() => page.evaluate('document.activeElement.textContent')).toBe('3 photos')
        expect((await shown.api.get('/photos/photo-001')).status).toBe(404)
        expect((await shown.api.get('/photos/photo-000')).status).toBe(200)
        await page.getByRole('button', { name: 'Remove: photo-004' }).click()
        await page.getByRole('dialog').getByRole('button', { name: 'Remove 1 photo' }).click()
        await page.getByRole('heading', { name: '2 photos' }).waitFor()
      })

      test('photos of the results steer the search, with the mouse and the keyboard; so do signed words', async () => {
        const page = await open('/search')
        const tiles = page.locator('[role=grid] a')
        await tiles.first().hover()
        await page.getByRole('button', { name: 'More like this' }).first().click()
        await soon(() => new URL(page.url()).search).toMatch(/^\?like=photo-00\d$/)
        await page.locator('.tile-score, [role=grid] a').first().waitFor()
        await soon(() => page.evaluate('document.activeElement.dataset.index')).toBe('0')
        await page.keyboard.press('l')
        await soon(() => new URL(page.url()).search).toMatch(/^\?like=photo-00\d&unlike=photo-00\d$/)
        await page.keyboard.press('/')
        await page.keyboard.type('a dog +snow -at night')
        await page.keyboard.press('Enter')
        await soon(() => new URL(page.url()).search).toMatch(/^\?q=a\+dog&plus=snow&minus=at\+night&like=/)
        await tiles.first().waitFor()
        expect(await shown.tab.violations()).toEqual([])
      })

      test('small and dark windows show both views without a bar to scroll sideways', async () => {
        const phone = await openTab(shown.browser, shown.api.server.url, {
          viewport: { width: 320, height: 640 },
          colorScheme: 'dark',
          hasTouch: true,
        })
        for (const path of ['/labels', '/labels/time', '/duplicates?least=0.9']) {
          await phone.page.goto(`${shown.api.server.url}${path}`, { waitUntil: 'networkidle' })
          expect(await phone.violations(), path).toEqual([])
          expect(await phone.page.evaluate('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(320)
        }
        expect(phone.problems).toEqual([])
        await phone.close()
      })
    })
  },
)
