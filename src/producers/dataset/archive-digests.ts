import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { AppError } from '../../domain/errors.js'

/** SHA-256 of the archives, as https://github.com/unsplash/datasets/blob/master/CHANGELOG.md publishes them. */
const DIGESTS = {
  lite: {
    '1.4.0': '7af3e90a4983fc87d0ee8c0f8c645349c6011d63efec489cfe734a74ed64d69c',
    '1.3.0': 'c3c09225c4aee1c62cee1e7032db879d10b84407ed2953c2abf77dc6ca4c4ade',
    '1.2.2': 'c187e0f24320bb32dc2acd3c387ca57c06cf5f52369816df4ab27f3cdf30e8de',
    '1.2.1': 'd29a13678f1cc3a3e706897b0a8dbbdb5837715b0d78d0492b68b9b5e96b03db',
    '1.2.0': '461fa4a1796b7966fc3aa904ce2e7f18890323243ed0e95f47c7042b335fcd98',
    '1.1.0': '266e45a8658ab2456779b3376b109e435e595646126846603f2efee5b47ee526',
    '1.0.1': 'aa199951dd8756563f7ffef4abbc2d20c845bcff62241ae677af523728819d60',
  },
  full: {
    '1.4.0': '2978e2e6439fbe73d69a4819282e9d45537c9ba777ec46a60541cdce786e158b',
    '1.3.0': '4ad1a3cb2b38529529f92bdc9ab4237a8b9b1153f1d615ff136581297ed5b58d',
    '1.2.2': '7783f029dc12eb54289bbb7be98acaaa585dad9ddcec44641213eed94119918c',
    '1.2.1': '3879c4f20897e564708e7da41a55f505eb6bbb13e37dbb62ae451af9782c8d87',
    '1.2.0': 'daa99dab8ba7a47d530356311ffa73f17eb403898a75399c54812e9dd582f8af',
    '1.1.0': '19abc3494bda06e36e61ccabf4dd2ca8e046ac50a5e4e3570cc8aa89ed6a9713',
    '1.0.1': 'ee47f7542e5ef260e6b904046b4837532f420412a0e2c299dcecab55acd28d1f',
  },
} as const

const ARCHIVE_NAME = /^unsplash-research-dataset-(lite|full)-(\d+\.\d+\.\d+|latest)\.zip$/i
/** Reading the lite archive takes seconds, the full one minutes: its entries have checksums of their own. */
const MAX_BYTES = 4 * 1024 ** 3

/**
 * Compares an archive with the digest that Unsplash published for the release in its name. An archive of the latest release,
 * of an unknown one or with another name passes, and so does one above 4 GiB.
 * @throws AppError INPUT_INVALID for another digest
 */
export async function checkArchiveDigest(path: string, digests: Digests = DIGESTS): Promise<void> {
  const [, kind = '', release = ''] = ARCHIVE_NAME.exec(basename(path)) ?? []
  const expected = digests[kind.toLowerCase()]?.[release]
  if (expected === undefined || (await stat(path)).size > MAX_BYTES) return
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  const found = hash.digest('hex')
  if (found !== expected)
    throw new AppError(
      'INPUT_INVALID',
      `${path}: expected SHA-256 ${expected}, which Unsplash published for release ${release}, found ${found}. Fetch the archive again; if you changed it on purpose, give it another name.`,
    )
}

/** By kind and release. */
type Digests = Readonly<Record<string, Readonly<Record<string, string>>>>
