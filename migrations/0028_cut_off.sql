-- Where a list of hits ends, for more models. Texts that a model cannot tell from many others mean nothing to it, and descriptions of
-- photos tell whether three standard deviations are a cut-off that fits.

alter table reference_texts add column known boolean not null default true;
comment on column reference_texts.known is
  'False: the model does not know the text, as it cannot tell it from ten others of the set (cosine similarity of 0.99). No photo shows words that are as near to it.';

-- Sets with texts that their model does not know are to be made again, by models correct or by the first search that needs one.
delete from reference_sets s
 where exists (
   select from reference_texts t
    where t.version = s.version
      and (select count(*) from reference_texts o
            where o.version = t.version and o.position <> t.position and o.position <= 1000
              and 1 - (o.embedding <=> t.embedding) >= 0.99) >= 10);

alter table reference_sets
  add column cut_by text check (cut_by in ('deviations', 'descriptions', 'none')),
  add column judged integer,
  add column cut_precision real,
  add column cut_recall real;
comment on column reference_sets.cut is
  'A photo shows what words say if its similarity to them is at least this much above its top_mean. Null: not measured yet, or cut_by is none.';
comment on column reference_sets.cut_by is
  'deviations: the cut is three standard deviations above the mean of that difference over the pairs of a photo and a reference text of a sample. descriptions: it is the one by which the photos found for reference texts agree most with the descriptions of photos. none: no cut tells photos that show words from others. Null: not measured by this version.';
comment on column reference_sets.judged is
  'Reference texts that descriptions of at least two photos of the sample name. Precision and recall are means over them.';
comment on column reference_sets.cut_precision is
  'Share of the photos found for a text whose descriptions name it. Descriptions leave things out, so the true one is higher. Null: there are too few such texts, or no cut.';
comment on column reference_sets.cut_recall is
  'Share of the photos whose descriptions name a text that are found for it. Null: there are too few such texts, or no cut.';
