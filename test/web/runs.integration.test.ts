import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { PostgresKeyRepository } from '../../src/db/key-repository.js'
import { newApiKey, type Scope } from '../../src/domain/api-key.js'
import type { Batch } from '../../src/domain/ports/queue.js'
import { startApi } from '../http/support.js'
import { hasChromium } from '../support/browser.js'
import { serverKinds } from '../support/servers/postgres.js'
import { openTab, plantCollection, shownCollection, soon } from './support.js'

const TILES = '[role=grid] a'

describe.each(serverKinds())('the page of a server with keys, on the $kind database server', ({ available, start }) => {
  describe.skipIf(!available || !hasChromium())('', () => {
    const shown = shownCollection(start, ({ database, modelId }) => plantCollection(database, modelId, 12), {
      options: { anonymous: null },
      // The browser tells of refused keys, and of the events that end with the server.
      expected: /status of 401/,
    })
    const keys = () => new PostgresKeyRepository(shown.made.database)

    const createKey = async (scope: Scope) => {
      const { id, key, digest } = newApiKey()
      await keys().create({ id, name: `key ${id}`, scope, digest, expiresAt: null })
      return { id, key }
    }
    const { open } = shown
    const signIn = async (page: Page, key: string) => {
      await page.getByLabel('Key', { exact: true }).fill(key)
      await page.keyboard.press('Enter')
    }
    const asking = (page: Page) => page.getByRole('heading', { name: 'Sign in to go on', level: 1 })
    const entries = (page: Page) => page.getByRole('navigation', { name: 'Views' }).getByRole('link').allTextContents()

    /** A run of the key's owner. @returns its id and its batches of two photos */
    const submit = async (key: string, name: string, count: number) => {
      const photos = Array.from({ length: count }, (_, i) => ({ url: `https://images.example/${name}-${i}.jpg` }))
      const response = await shown.api.post('/ingest', { photos }, { 'x-api-key': key })
      const { run } = (await response.json()) as { run: string }
      return { run, batches: shown.api.queue.added.filter(({ runId }) => runId === run) }
    }
    const settle = ({ parentId, photos }: Batch, code?: 'TIMEOUT' | 'HTTP_404') =>
      shown.made.ingest.recordOutcome({
        ...{ parentId, modelId: shown.made.modelId, labelSets: [] },
        embedded: code
          ? []
          : photos.map(({ id }) => ({ photoId: id, embedding: Float32Array.of(0, 0, 0, 1), storedKey: null })),
        failures: code ? photos.map(({ id }) => ({ photoId: id, code, message: `why ${id}`, attempts: 2 })) : [],
      })

    test('asks for a key, goes on where you were, shows pictures, and signs out', async () => {
      const page = await open('/search?q=snow')
      await asking(page).waitFor()
      expect(await shown.tab.violations()).toEqual([])
      await signIn(page, 'uc_wrong')
      await page.getByRole('alert').getByText('The key does not exist').waitFor()
      await signIn(page, (await createKey('read')).key)
      await page.locator(TILES).first().waitFor()
      expect(new URL(page.url()).search).toBe('?q=snow')
      await soon(() => page.evaluate('document.querySelector("[role=grid] img").naturalWidth')).toBeGreaterThan(0)
      expect(await entries(page)).not.toContain('Runs')
      expect(await page.evaluate('document.cookie')).toBe('')
      expect(await shown.tab.violations()).toEqual([])
      await open('/runs')
      await asking(page).waitFor()
      await page.getByText('--scope ingest').waitFor()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await soon(() => new URL(page.url()).pathname).toBe('/')
      await asking(page).waitFor()
    })

    test('asks again when the session has ended, in the middle of a search', async () => {
      const page = await open('/search?q=snow')
      const { id, key } = await createKey('read')
      await signIn(page, key)
      await page.locator(TILES).first().waitFor()
      await keys().revoke(id)
      await soon(async () => (await page.request.get(`${shown.api.server.url}/api/v1/models`)).status()).toBe(401)
      await page.getByRole('searchbox').fill('a dog')
      await page.keyboard.press('Enter')
      await asking(page).waitFor()
      await signIn(page, (await createKey('admin')).key)
      await page.locator(TILES).first().waitFor()
      expect(new URL(page.url()).search).toBe('?q=a+dog')
    })

    test('lists runs, follows one, shows its failures by code, and tries them again', async () => {
      const { key } = await createKey('admin')
      const { run, batches } = await submit(key, 'failing', 6)
      const page = await open('/')
      expect(await entries(page)).toEqual(expect.arrayContaining(['Home', 'Photos', 'Runs']))
      await page.getByRole('link', { name: 'Runs' }).click()
      await page.getByText('0 of 6 photos embedded').waitFor()
      await page.getByText('No worker is alive').waitFor()
      expect(await page.locator('.queue-depth').textContent()).toBe('Queue: 3 batches (3 ready, 0 delayed, 0 in work)')
      expect(await shown.tab.violations()).toEqual([])
      await page.locator(`a[href="/runs/${run}"]`).click()
      await page.getByText('No photo of this run failed.').waitFor()
      await settle(batches[0]!)
      await page.getByText('2 of 6 photos embedded').waitFor()
      await settle(batches[1]!, 'TIMEOUT')
      await settle(batches[2]!, 'HTTP_404')
      await page.getByRole('heading', { name: 'HTTP_404' }).waitFor()
      await page.getByRole('main').getByText('done', { exact: true }).waitFor()
      const group = page.locator('.failure-group', { hasText: 'TIMEOUT' })
      await group.locator('summary').click()
      await group.getByText(`why ${batches[1]!.photos[0]!.id}`).waitFor()
      expect(await group.locator('.failed-photos a[target]').first().getAttribute('href')).toMatch(/failing-\d\.jpg$/)
      expect(await shown.tab.violations()).toEqual([])
      await group.getByRole('button', { name: 'Try again: 2 photos with TIMEOUT' }).click()
      await group.getByRole('link', { name: 'a run of their own' }).click()
      await page.getByText('0 of 2 photos embedded').waitFor()
      expect(new URL(page.url()).pathname).not.toBe(`/runs/${run}`)
    })

    test('says of a run that does not exist how to go on', async () => {
      const other = await openTab(shown.browser, shown.api.server.url, {}, /status of 40[14]/)
      await other.page.goto(`${shown.api.server.url}/runs/nowhere`)
      await signIn(other.page, (await createKey('ingest')).key)
      await other.page.getByRole('heading', { name: 'There is no such run' }).waitFor()
      expect(await other.violations()).toEqual([])
      await other.page.getByRole('link', { name: 'See all runs' }).click()
      await soon(() => new URL(other.page.url()).pathname).toBe('/runs')
      expect(other.problems).toEqual([])
      await other.close()
    })

    test('pauses, resumes and cancels a run, the last after a question', async () => {
      const { run } = await submit((await createKey('admin')).key, 'controlled', 3)
      const page = await open(`/runs/${run}`)
      const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
      const state = (text: string) => page.getByRole('main').getByText(text, { exact: true }).waitFor()
      await press('Pause')
      await state('paused')
      await press('Resume')
      await state('waiting for workers')
      await press('Cancel run')
      expect(await shown.tab.violations()).toEqual([])
      await page.keyboard.press('Escape')
      await soon(() => page.locator('dialog[open]').count()).toBe(0)
      await press('Cancel run')
      await press('Keep it')
      await state('waiting for workers')
      await press('Cancel run')
      await press('Cancel the run')
      await state('cancelled')
      expect(await page.getByRole('button', { name: 'Pause' }).count()).toBe(0)
    })

    test('with --public-read photos are for everybody, and runs for those who sign in; also on a phone in the dark', async () => {
      const { key } = await createKey('ingest')
      const { run, batches } = await submit(key, 'public', 2)
      await settle(batches[0]!, 'HTTP_404')
      const open = await startApi(shown.made.database, shown.store, { options: { anonymous: 'read' } })
      const base = open.server.url
      const phone = await openTab(shown.browser, base, { viewport: { width: 320, height: 640 }, colorScheme: 'dark' })
      const { page } = phone
      const isNarrow = async () =>
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320)
      await page.goto(`${base}/search?q=snow`)
      await page.locator(TILES).first().waitFor()
      expect(await entries(page)).not.toContain('Runs')
      await page.goto(`${base}/runs`)
      await asking(page).waitFor()
      await isNarrow()
      expect(await phone.violations()).toEqual([])
      await page.goto(`${base}/search?q=snow`)
      await page.getByRole('button', { name: 'Sign in' }).click()
      expect(await phone.violations()).toEqual([])
      await page.locator('dialog[open]').getByLabel('Key', { exact: true }).fill(key)
      await page.keyboard.press('Enter')
      await page.getByRole('link', { name: 'Runs' }).click()
      await page.locator(`a[href="/runs/${run}"]`).waitFor()
      await isNarrow()
      expect(await phone.violations()).toEqual([])
      await page.goto(`${base}/runs/${run}`)
      await page.getByRole('heading', { name: 'HTTP_404' }).waitFor()
      await page.locator('summary', { hasText: 'Photos with' }).click()
      await page.locator('.failed-photos li').first().waitFor()
      expect(await page.getByRole('button', { name: 'Pause' }).count()).toBe(0)
      await isNarrow()
      expect(await phone.violations()).toEqual([])
      expect(phone.problems).toEqual([])
      await phone.close()
      await open.close()
    })
  })
})
