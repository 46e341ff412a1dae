import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A copy of `migrations/`, whose functions can be changed to what an older or newer version had. */
export class OtherMigrations {
  readonly folder = mkdtempSync(join(tmpdir(), 'uc-migrations-'))

  constructor() {
    cpSync('migrations', this.folder, { recursive: true })
  }

  /** @param path below the folder. @param change every text to be replaced, and by what */
  edit(path: string, ...changes: [from: string | RegExp, to: string][]): this {
    const file = join(this.folder, path)
    let sql = readFileSync(file, 'utf8')
    for (const [from, to] of changes) {
      const edited = sql.replace(from, to)
      if (edited === sql) throw new Error(`${path} has no ${from}`)
      sql = edited
    }
    writeFileSync(file, sql)
    return this
  }

  write(path: string, sql: string): this {
    writeFileSync(join(this.folder, path), sql)
    return this
  }

  remove(path: string): this {
    rmSync(join(this.folder, path))
    return this
  }

  close(): void {
    rmSync(this.folder, { recursive: true })
  }
}

/**
 * Functions and views as an older version may have had them: other bodies, parameters, results and columns, one that is there
 * no more, and some that were not there yet.
 */
export function olderMigrations(): OtherMigrations {
  return new OtherMigrations()
    .edit('functions/filters/distance_km.sql', [/6371\.0088/g, '6371'])
    .edit(
      'functions/search/search_photos.sql',
      [/,\s+kind text default null, correction_weight double precision default null\n\)/, ')'],
      [/search_photos\.kind/, "'text'"],
      [/search_photos\.correction_weight/, 'null'],
    )
    .edit('functions/search/search_text.sql', [/rank bigint, /, 'place bigint, '])
    .edit(
      'functions/models/model_id_of.sql',
      ['model text', 'wanted text'],
      [/\bmodel\b(?= is null|,$|,\n|, '@')/g, 'wanted'],
    )
    .edit('functions/views/photo_labels.sql', [' score,', ' score::double precision,'])
    .edit('functions/views/label_definitions.sql', ['s.version,', 's.version::bigint,'])
    .edit(
      'functions/views/run_progress.sql',
      ['r.source, ', ''],
      [/comment on column run_progress\.source is\s+'.*';\n/, ''],
    )
    .edit(
      'functions/labels/relabel.sql',
      ['procedure relabel(set_name text', 'procedure relabel(label_set text'],
      [/\bset_name\)/g, 'label_set)'],
    )
    .edit('functions/words/rewritten_words.sql', [/create or replace trigger words_of_no_keywords[^;]*;/, ''])
    .remove('functions/facets/search_facets.sql')
    .remove('functions/words/use_text_language.sql')
    .write(
      'functions/facets/facet_names.sql',
      'create or replace function facet_names() returns label_definitions language sql as $$ select * from label_definitions $$;\n-- requires: label_definitions\n',
    )
}
