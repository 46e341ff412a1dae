import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PhotoCard, renderPhotoPage } from '../../src/cli/print/photo-page.js'
import { hasChromium, launchChromium } from '../support/browser.js'
import { jpegPhoto } from '../support/images/sample-images.js'
import { startHttp, type TestServer } from '../support/servers/http-server.js'
import { until } from '../support/until.js'

const PAYLOADS = [
  '"><script>document.title = "run"</script>',
  `"><img src=x onerror="document.title = 'run'">`,
  `' onmouseover='document.title="run"' x='`,
  '</title></style><script>document.title = "run"</script>',
  '<svg onload="document.title=\'run\'">',
  'javascript:document.title="run"',
  ' \u0001javascript:document.title="run"',
  'JaVaScRiPt:document.title="run"//https://',
  'data:text/html,<script>document.title="run"</script>',
  'vbscript:run',
  '<base href="http://127.0.0.1/"><meta http-equiv="refresh" content="0;url=http://127.0.0.1/">',
  '<iframe srcdoc="<script>parent.document.title=\'run\'</script>">',
  '--></style><link rel=stylesheet href=http://127.0.0.1/x.css>',
  '&lt;script&gt;alert(1)&lt;/script&gt;&#60;script&#62;',
  '\u202e<script>alert(1)</script>',
]

describe.skipIf(!hasChromium())('a page of photos whose metadata are hostile, in Chromium', () => {
  let browser: Browser
  let folder: string
  let server: TestServer
  const asked: string[] = []
  beforeAll(async () => {
    browser = await launchChromium()
    folder = mkdtempSync(join(tmpdir(), 'unsplash-clip-page-'))
    server = await startHttp((request, response) => {
      asked.push(request.url!)
      response.end()
    })
  })
  afterAll(async () => {
    await browser.close()
    await server.close()
    rmSync(folder, { recursive: true })
  })

  /** As a reader opens it: from a file. */
  async function open(html: string, onRefused: (message: string) => void = () => {}): Promise<Page> {
    const file = join(folder, `${Math.random()}.html`)
    writeFileSync(file, html)
    const page = await browser.newPage()
    page.on('dialog', dialog => {
      asked.push(dialog.message())
      void dialog.dismiss()
    })
    page.on('console', message => {
      if (/Content Security Policy/i.test(message.text())) onRefused(message.text())
    })
    await page.goto(pathToFileURL(file).href, { waitUntil: 'load' })
    return page
  }

  const cardOf = (text: string): PhotoCard => ({
    photoId: text,
    image: text,
    score: 1,
    description: text,
    labels: [{ set: text, label: text, score: 1 }],
    credit: text,
    link: text,
  })

  test.each(PAYLOADS)('shows %j and runs nothing', async payload => {
    const bars = [{ label: payload, count: 1 }]
    const page = await open(
      renderPhotoPage({
        title: payload,
        intro: payload,
        sections: [{ heading: payload, note: payload, bars, cards: [cardOf(payload)] }],
      }),
    )
    const title = await page.title()
    expect(title).not.toBe('run')
    expect(await page.locator('script, iframe, base, link, object, embed, form, svg').count()).toBe(0)
    expect(await page.locator('img, a').count()).toBe(0)
    const attributes = await page.evaluate(
      '[...document.querySelectorAll("*")].flatMap(e => e.getAttributeNames()).filter(name => name.startsWith("on"))',
    )
    expect(attributes).toEqual([])
    expect(await page.locator('.description').textContent()).toBe(payload)
    await page.close()
  })

  test('takes links and pictures to the web, and no other scheme', async () => {
    const page = await open(
      renderPhotoPage({
        title: 't',
        intro: 'i',
        sections: [
          {
            heading: 'h',
            cards: [
              { ...cardOf('web'), link: 'https://images.example/?a="&b=<>', image: `${server.origin}/photo.jpg?"` },
              { ...cardOf('file'), link: 'file:///etc/passwd', image: 'file:///etc/passwd' },
            ],
          },
        ],
      }),
    )
    expect(await page.evaluate('[...document.links].map(a => [a.protocol, a.rel])')).toEqual([['https:', 'noreferrer']])
    expect(await page.locator('img').count()).toBe(1)
    await page.close()
  })

  test('would, should markup ever get through, neither run nor load it', async () => {
    const jpeg = `data:image/jpeg;base64,${(await jpegPhoto()).toString('base64')}`
    const card = { ...cardOf('x'), image: jpeg, link: null }
    const page = renderPhotoPage({ title: 't', intro: 'i', sections: [{ heading: 'h', cards: [card] }] })
    const origin = server.origin
    const markup = `<script>document.title = 'run'</script><script src="${origin}/script.js"></script>
      <img src="${origin}/pixel.png" onerror="document.title = 'run'"><iframe src="${origin}/frame"></iframe>
      <link rel="stylesheet" href="${origin}/style.css"><base href="${origin}/">
      <form id="f" action="${origin}/form"><input name="a"></form>`
    const refused: string[] = []
    const opened = await open(page.replace('</main>', `${markup}</main>`), message => refused.push(message))
    await until('the policy to have spoken about all but the form', () => refused.length >= 7)
    expect(await opened.title()).toBe('t')
    expect(await opened.locator('.picture img').evaluate((image: { naturalWidth: number }) => image.naturalWidth)).toBe(
      320,
    )
    await opened.evaluate('document.getElementById("f").submit()').catch(() => {})
    await until('the form to be refused', () => refused.some(message => message.includes('form-action')))
    expect(asked.filter(url => !url.startsWith('/photo.jpg'))).toEqual([])
    await opened.close()
  })
})
