import type { FileHandle } from 'node:fs/promises'
import type { ColumnMetaData, SchemaTree } from 'hyparquet'
import type { ColumnDecoder, DataPage, DecodedArray, PageHeader } from 'hyparquet/src/types.js'
import { FileWindow } from './file-window.js'

/** A header holds statistics: the smallest and the largest value of its page, each of any length. */
const HEADER_BYTES = [1 << 16, 1 << 20, 1 << 24]
/** Writers make pages of a megabyte; a dictionary or a page of one long row may have more. */
const MAX_PAGE_BYTES = 1 << 30

/** One data page. Levels are empty where all are the highest (definition) or 0 (repetition). */
export interface ColumnPage {
  definitionLevels: ArrayLike<number>
  repetitionLevels: ArrayLike<number>
  /** Of the entries whose definition level is the highest. */
  values: DecodedArray
  /** Entries: values, nulls and empty lists. */
  entries: number
}

/**
 * The pages of a column in one group of rows. Reads page by page, so memory does not depend on the size of the group:
 * pyarrow writes up to a million rows per group, and hyparquet itself reads a group of a column as a whole.
 * @throws Error for damaged pages
 */
export async function* columnPages(
  file: FileHandle,
  chunk: ColumnMetaData,
  schemaPath: SchemaTree[],
): AsyncGenerator<ColumnPage> {
  const { parquetHeader, readPage } = await import('hyparquet/src/column.js')
  const { DEFAULT_PARSERS, convert, convertWithDictionary } = await import('hyparquet/src/convert.js')
  const { decompressPage, readDataPage, readDataPageV2 } = await import('hyparquet/src/datapage.js')
  const { compressors } = await import('hyparquet-compressors')
  const decoder: ColumnDecoder = {
    ...{ pathInSchema: chunk.path_in_schema, type: chunk.type, codec: chunk.codec, compressors },
    ...{ element: schemaPath.at(-1)!.element, schemaPath, parsers: DEFAULT_PARSERS },
  }
  const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset)
  const window = new FileWindow(file, start, start + Number(chunk.total_compressed_size))
  const total = Number(chunk.num_values)
  let dictionary: DecodedArray | undefined
  for (let done = 0; done < total; ) {
    const header = await readHeader(window, parquetHeader)
    if (!(header.compressed_page_size >= 0) || header.uncompressed_page_size > MAX_PAGE_BYTES)
      throw new Error(`a page of ${header.uncompressed_page_size} bytes`)
    const bytes = await window.take(header.compressed_page_size)
    if (header.type === 'DICTIONARY_PAGE') {
      const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 }
      const { data } = readPage(reader, header, decoder, undefined, undefined, 0)
      dictionary = data && convert(data, decoder)
      continue
    }
    const [page, encoding, entries] = decodePage(bytes, header)
    done += entries
    if (entries > 0)
      yield {
        definitionLevels: page.definitionLevels ?? [],
        repetitionLevels: page.repetitionLevels,
        values: convertWithDictionary(page.dataPage, dictionary, encoding, decoder),
        entries,
      }
  }

  function decodePage(bytes: Buffer, header: PageHeader): [DataPage, Encoding, entries: number] {
    const { data_page_header: first, data_page_header_v2: second } = header
    if (header.type === 'DATA_PAGE' && first) {
      const page = decompressPage(bytes, Number(header.uncompressed_page_size), chunk.codec, compressors)
      return [readDataPage(page, first, decoder), first.encoding, first.num_values]
    }
    if (header.type === 'DATA_PAGE_V2' && second)
      return [readDataPageV2(bytes, header, decoder), second.encoding, second.num_values]
    throw new Error(`a page of type ${header.type}`)
  }
}

type Encoding = NonNullable<PageHeader['data_page_header']>['encoding']

async function readHeader(
  window: FileWindow,
  parse: (reader: { view: DataView; offset: number }) => PageHeader,
): Promise<PageHeader> {
  for (const length of HEADER_BYTES) {
    if (window.isAtEnd) break
    const bytes = await window.peek(length)
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 }
    try {
      const header = parse(reader)
      window.skip(reader.offset)
      return header
    } catch (error) {
      // It may only be cut off.
      if (!(error instanceof RangeError) || bytes.length < length) throw error
    }
  }
  throw new Error('a page header that does not end')
}
