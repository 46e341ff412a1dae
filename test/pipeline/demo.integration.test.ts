import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, launchChromium } from '../support/browser.js'
import { type Finished, Sandbox, withoutWaits } from '../support/cli.js'

const MINUTE = 60_000

describe('the demo', () => {
  let sandbox: Sandbox
  let done: Finished
  const page = () => join(sandbox.home, 'demo/demo.html')

  beforeAll(async () => {
    sandbox = await Sandbox.createEmpty()
    done = await sandbox.run('demo', '--count', '60', '--folder', 'demo')
  }, 6 * MINUTE)
  afterAll(() => sandbox.close())

  test('renders, ingests with two workers, labels, searches and names its page', () => {
    expect(withoutWaits(done.stderr)).toBe('')
    expect(done.code).toBe(0)
    expect(done.stdout).toContain('60 of 60 photos embedded with demo@fp32, 0 failed')
    expect(done.stdout).toMatch(/taken_time:.*agree with what was rendered/)
    expect(done.stdout).toContain('“a red house in the snow”')
    expect(done.stdout).toContain(page())
    expect(done.stdout).toContain('UNSPLASH_CLIP_HOME=demo MODEL=demo@fp32 npx unsplash-clip serve\n')
  })

  test('leaves a database that can be searched on, and no server running', async () => {
    const home = join(sandbox.home, 'demo')
    expect(existsSync(join(home, 'database/server.json'))).toBe(false)
    const later = await Sandbox.create({ UNSPLASH_CLIP_HOME: home })
    const search = await later.run('search', 'a boat at night', '-k', '3', '--json')
    expect(search.objects()).toHaveLength(3)
    await later.close()
  })

  test.skipIf(!hasChromium())('shows every picture on its page, with nothing from the network', async () => {
    const browser = await launchChromium()
    try {
      const tab = await browser.newPage()
      const requests: string[] = []
      tab.on('request', request => requests.push(request.url()))
      await tab.setContent(await readFile(page(), 'utf8'), { waitUntil: 'load' })
      const images = tab.locator('img')
      expect(await images.count()).toBeGreaterThanOrEqual(30)
      const widths = await images.evaluateAll(all =>
        all.map(one => (one as unknown as { naturalWidth: number }).naturalWidth),
      )
      expect(Math.min(...widths)).toBeGreaterThan(0)
      expect(requests.filter(url => url.startsWith('http'))).toEqual([])
    } finally {
      await browser.close()
    }
  })
})
