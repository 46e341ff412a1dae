import { type Command, Option } from 'commander'
import type { Filter, LabelFilter, Orientation } from '../../domain/ports/search.js'
import { parseWhere } from '../../domain/where/parse-where.js'
import { keywordFilter, labelFilter, nearFilter } from '../../domain/where/written-filters.js'
import { collect } from './arguments.js'
import { readPhotoList } from './filter-arguments.js'
import { addWhereOption } from './where-option.js'

const ORIENTATIONS: Orientation[] = ['landscape', 'portrait', 'square']

/** Values of the options of {@link addFilterOptions}. */
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

/** Adds the options that restrict a command to photos. All conditions must match. */
export function addFilterOptions(command: Command): Command {
  command.option(
    '--label <set=label[:score]>',
    'only photos with this label, optionally with a minimum score; repeatable',
    collect,
  )
  return addWhereOption(command)
    .option('--near <lat,lon,km>', 'only photos taken within KM kilometres of a point')
    .addOption(new Option('--orientation <name>', 'only photos with this orientation').choices(ORIENTATIONS))
    .option('--photos <file>', 'only photos in this list, one id per line')
    .option('--keyword <word[:confidence]>', 'only photos with this keyword of the dataset; repeatable', collect)
    .option('--collection <id|title>', 'only photos of this collection of the dataset; repeatable', collect)
    .option('--color <name>', 'only photos with this colour of the dataset; repeatable', collect)
}

/** @throws AppError USAGE, FILTER_INVALID; INPUT_NOT_FOUND and INPUT_INVALID for --photos */
export async function filtersOf(options: FilterOptions): Promise<{ labels: LabelFilter[]; where: Filter[] }> {
  const { near, orientation, photos, keyword = [], collection = [], color = [] } = options
  return {
    labels: (options.label ?? []).map(text => labelFilter(text, '--label')),
    where: [
      ...(options.where ?? []).flatMap(text => parseWhere(text)),
      ...(near === undefined ? [] : [nearFilter(near, '--near')]),
      ...(orientation === undefined ? [] : [{ orientation }]),
      ...(photos === undefined ? [] : [await readPhotoList(photos)]),
      ...keyword.map(keywordFilter),
      ...collection.map(name => ({ collection: name })),
      ...color.map(name => ({ color: name })),
    ],
  }
}
