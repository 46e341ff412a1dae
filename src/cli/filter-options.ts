import { type Command, Option } from 'commander'
import type { Filter, LabelFilter, Orientation } from '../domain/ports/search.js'
import { collect, columnFilter, labelFilter } from './arguments.js'
import { keywordFilter, nearFilter, readPhotoList } from './filter-arguments.js'

const ORIENTATIONS: Orientation[] = ['landscape', 'portrait', 'square']

/** What the options of {@link addFilterOptions} hold. */
export interface FilterOptions {
  label?: string[]
  where?: string[]
  near?: string
  orientation?: Orientation
  photos?: string
  keyword?: string[]
  collection?: string[]
  color?: string[]
}

/** Which photos a command is about: all conditions must hold. */
export function addFilterOptions(command: Command): Command {
  return command
    .option(
      '--label <set=label[:score]>',
      'only photos with this label, optionally with a least score; repeatable',
      collect,
    )
    .option(
      '--where <condition>',
      'only photos whose metadata match: COLUMN and = != < <= > >= or ~ (contains), COLUMN in A|B, COLUMN is null; repeatable',
      collect,
    )
    .option('--near <lat,lon,km>', 'only photos taken within so many kilometres of a point')
    .addOption(new Option('--orientation <name>', 'only photos that are so').choices(ORIENTATIONS))
    .option('--photos <file>', 'only photos of this list, one id a line')
    .option('--keyword <word[:confidence]>', 'only photos with this keyword of the dataset; repeatable', collect)
    .option('--collection <id|title>', 'only photos of this collection of the dataset; repeatable', collect)
    .option('--color <name>', 'only photos with this colour of the dataset; repeatable', collect)
}

/** @throws AppError USAGE, FILTER_INVALID; INPUT_NOT_FOUND and INPUT_INVALID for --photos */
export async function filtersOf(options: FilterOptions): Promise<{ labels: LabelFilter[]; where: Filter[] }> {
  const { near, orientation, photos, keyword = [], collection = [], color = [] } = options
  return {
    labels: (options.label ?? []).map(labelFilter),
    where: [
      ...(options.where ?? []).map(columnFilter),
      ...(near === undefined ? [] : [nearFilter(near)]),
      ...(orientation === undefined ? [] : [{ orientation }]),
      ...(photos === undefined ? [] : [await readPhotoList(photos)]),
      ...keyword.map(keywordFilter),
      ...collection.map(name => ({ collection: name })),
      ...color.map(name => ({ color: name })),
    ],
  }
}
