-- A payout is changed twice after it is made, and none of what changes is in an index: with room for all three versions on the
-- page, no index is written again.
alter table tolem.payout set (fillfactor = 45);
