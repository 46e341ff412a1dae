import type { Browser, Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renderPhotoPage } from '../../../src/cli/print/photo-page.js'
import { hasChromium, launchChromium } from '../../support/browser.js'

describe.skipIf(!hasChromium())('the page of photos, in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  async function open(html: string): Promise<{ page: Page; requests: string[]; dialogs: string[] }> {
    const page = await browser.newPage()
    const requests: string[] = []
    const dialogs: string[] = []
    page.on('request', request => requests.push(request.url()))
    page.on('dialog', dialog => {
      dialogs.push(dialog.message())
      void dialog.dismiss()
    })
    await page.setContent(html, { waitUntil: 'load' })
    return { page, requests, dialogs }
  }

  test('shows pictures, scores, labels, credit and link, and asks nothing of the network', async () => {
    const jpeg = await sharp({ create: { width: 40, height: 30, channels: 3, background: '#c33' } })
      .jpeg()
      .toBuffer()
    const { page, requests } = await open(
      renderPhotoPage({
        title: 'dog in the snow',
        intro: 'Two photos.',
        sections: [
          {
            heading: 'Histogram',
            bars: [
              { label: 'day', count: 3 },
              { label: 'night', count: 1 },
            ],
          },
          {
            heading: 'Photos',
            cards: [
              {
                photoId: 'iflUHY8zMYc',
                image: `data:image/jpeg;base64,${jpeg.toString('base64')}`,
                score: 0.3154,
                description: 'A dog',
                labels: [{ set: 'taken_time', label: 'day', score: 0.93 }],
                credit: 'Ada Lovelace',
                link: 'https://unsplash.com/photos/iflUHY8zMYc',
              },
              { photoId: 'b', image: null, description: null, labels: [], credit: null, link: null },
            ],
          },
        ],
      }),
    )
    expect(await page.locator('img').evaluate((image: { naturalWidth: number }) => image.naturalWidth)).toBe(40)
    const card = page.locator('.card').first()
    for (const text of ['0.315', 'A dog', 'day 93 %', 'Photo by Ada Lovelace', 'iflUHY8zMYc'])
      expect(await card.textContent()).toContain(text)
    expect(await card.locator('a').getAttribute('href')).toBe('https://unsplash.com/photos/iflUHY8zMYc')
    expect(await page.locator('.card').nth(1).textContent()).toContain('no copy stored')
    expect(await page.locator('.bars').textContent()).toContain('75.0 %')
    expect(requests.filter(url => url.startsWith('http'))).toEqual([])
  })

  test('never runs what a photo’s metadata say', async () => {
    const attack = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
    const { page, dialogs } = await open(
      renderPhotoPage({
        title: attack,
        intro: attack,
        sections: [
          {
            heading: attack,
            cards: [
              {
                photoId: attack,
                image: 'javascript:alert(3)',
                description: attack,
                labels: [{ set: attack, label: attack, score: 1 }],
                credit: attack,
                link: 'javascript:alert(4)',
              },
            ],
          },
        ],
      }),
    )
    expect(await page.locator('img, script, a').count()).toBe(0)
    expect(dialogs).toEqual([])
  })
})
