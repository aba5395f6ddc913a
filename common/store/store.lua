-- store.lua - one request against the counters in Redis, in one atomic step.
--
-- Everything is read, then decided, then written: all or nothing. On Redis's
-- own clock (TIME). Nothing here depends on earlier calls' N, W or ttl, so a
-- reload keeps what was counted. An error reply means that nothing about the
-- request is known; what was written before it stays (one count too many).
--
-- Call: EVALSHA sha numkeys KEYS... ARGV...
--   KEYS  one key per limit, all distinct, but fixed limits that differ in
--         field may share one. The kind must be part of the key's name: a
--         sliding, a fixed and a lease key are values of different types.
--   ARGV[1]  the mode, "c" charge, "p" peek (nothing is written), "r" a charge
--         with a receipt or "u" to undo one, then one letter per limit: s sliding, f fixed, l lease,
--         d distinct, e distinct in a fixed window; upper case (S F L D E) is a shadow: it refuses nothing, and is charged only if it would pass
--         and the request passes (fixed counts always).
--   then four arguments per limit, numbers as decimal text:
--     s  N    W in ms (1..366 days)   n units   T in ms = W + W/16 + 1000,
--        rounded up, the key's time to live (W + 2 at least)
--     f  N or 0: never refuses        U in s    n units   field
--     d  N    W in ms (1..366 days)   value     T in ms = 15 * ceil(W/14) + 1000
--     e  N    W in ms                 value     W + 1000
--        value is a hash below 2^20, or 2^20 in a peek: one that is not there
--     l  N or 0: never refuses        ttl in ms   mine   id, 8 raw bytes
--        mine is the caller's absolute count after this request. N = 0 is
--        how a lease is renewed or given back: many of them in one call.
--
-- Reply, with "used" as it stands after the call:
--   one limit, charged           integer: used
--   several, all charged         array: used of each limit
--   anything refused, or a peek  array: used, retry of each limit (twice as
--                                many elements as limits)
--   retry: 0 this limit passes; > 0 it refuses, and the same amount passes so
--   many ms after this call at the earliest; -1 it never will (n > N). For a
--   lease it is ttl, the latest moment at which a dead holder's place is free.
--   The request has passed, and was charged, if no limit other than shadows
--   has a retry. used of a limit that was not charged is without this
--   request; of a lease then: the others' counts + mine - 1.
--
--   With a receipt the reply is always used, retry of each limit, and in the
--   end the moment (ms) at which it was charged. Who asks two servers at once,
--   of which one refuses, takes back what the other has charged: "u", sliding
--   limits alone, that moment in N's place; the reply says nothing. The units
--   are taken from the first entries with at >= moment, which may be any before
--   the charge: then that entry or an older one, so what is said of the window
--   below stays true (core/window.c has the proof). Where the moment is more
--   than W ago they may have left already, and nothing is taken back. An entry
--   that has none left goes, so that nobody's refusals make the value grow.
--
-- Commands, for an ACL: TIME GET MGET PSETEX HINCRBY HGET PTTL PEXPIREAT DEL.
--
-- Sliding: a dated queue. The value is `total` and up to 17 entries (at,
-- units), oldest first, 6 bytes little-endian each. An entry holds the units
-- admitted in one aligned sub-window of S ms, S = W/16 (1 ms for N <= 16), and
-- `at` is the ms of the LAST of them. total is their sum.
--  Never more than N in any W: a unit admitted at ms a is in an entry with
--   at >= a and leaves total only when now - at > W, so when now - a > W. So
--   total holds all that was admitted in the closed window [now - W, now], and
--   total + n <= N is asked of it. Strictly greater: ms are rounded down.
--  The margin: at - a < S, so a unit is forgotten at most W + S + 1 ms after it.
--   Who never has more than N in any W + W/16 + 1 ms is never refused.
--  The retry: total shrinks only as entries leave, oldest first, each at its
--   at + W + 1; the first whose leaving makes room for n gives the moment.
--  A clock that steps back: entries dated in the future would stay too long, so
--   all becomes one entry dated now. Moving `at` from the future to now breaks
--   nothing above, for now is later in true time than any admission.

--
-- Fixed: a hash, one counter per field, all of one life: it ends with the
-- second in which U whole seconds have passed since the second of the first
-- event. A life longer than that was given by a clock that stepped back.
--
-- Lease: (expiry 6 bytes, id 8, count 4) of each daemon. Whoever is silent
-- until its expiry is gone; `mine` is absolute, so a lost reply or a repeated
-- call heals by itself.

-- Distinct (core/distinct.c has the proof, and the same rules): at most N
-- different values in any W. The value is S, 4 bytes; the date of the newest
-- part, 6 bytes; then either a list, of each value 3 bytes, hash * 16 + code,
-- at most 48; or, of 155 bytes altogether, a sketch: cells in use, 2 bytes, and
-- 286 cells of 4 bits, the even one low: 0 free, else 1 + code. S is W/14
-- rounded up, a part S ms, a date its number, a code the date's rest by 15. A
-- value counts for 14 parts after the one in which it was seen last. In a fixed
-- window S and codes are 0, and the date is its last ms. A list that is
-- full becomes a sketch where N allows more; its used is the sum of
-- 286 / (286 - i) over the cells in use, rounded. What is in a list passes; of a
-- sketch nothing does where one more would be too many.

-- One loop decides, one writes, and there are no functions: closures, calls
-- and tables would make the usual call a tenth dearer (measured).

local call = redis.call
local pack, unpack_struct, sub = struct.pack, struct.unpack, string.sub
local modes = ARGV[1]
-- One limit that no shadow, peek or other limit complicates returns as soon as
-- it is decided; an integer is the cheapest reply there is.
local is_one = modes == 'cs' or modes == 'cf'
local is_peek, is_receipt, now, values, healed, report, after
local passes, is_clean = true, true

if modes ~= 'cf' then
  local time = call('TIME')
  now = time[1] * 1000 + time[2] / 1000
  now = now - now % 1
end
if not is_one then
  local mode = sub(modes, 1, 1)
  if mode == 'u' then
    for i = 1, #KEYS do
      local moment, span, amount =
        ARGV[4 * i - 2] + 0, ARGV[4 * i - 1] + 0, ARGV[4 * i] + 0
      local value = now - moment <= span and call('GET', KEYS[i]) or ''
      local left, kept = amount, ''
      for from = 7, #value, 12 do
        local at, units = unpack_struct('<I6I6', value, from)
        local taken = at >= moment and math.min(units, left) or 0
        left = left - taken
        if units > taken then
          kept = kept .. pack('<I6I6', at, units - taken)
        end
      end
      if kept ~= '' then
        local total = unpack_struct('<I6', value) - (amount - left)
        call('PSETEX', KEYS[i], ARGV[4 * i + 1], pack('<I6', total) .. kept)
      elseif value ~= '' then
        call('DEL', KEYS[i])
      end
    end
    return 0
  end
  is_peek = mode == 'p'
  is_receipt = mode == 'r'
  is_clean = not is_peek
  values = call('MGET', unpack(KEYS)) -- nil for a hash
  -- used, retry of each limit without this request; used with it
  report, after, healed = {}, {}, {}
end

for i = 1, #KEYS do
  local key, arg = KEYS[i], 4 * i - 2
  local kind = is_one and modes or sub(modes, i + 1, i + 1)
  local limit, span, amount = ARGV[arg] + 0, ARGV[arg + 1] + 0, ARGV[arg + 2] + 0
  local used, retry, written = 0, 0, nil

  if kind == 'cs' or kind == 's' or kind == 'S' then
    local value
    if is_one then
      value = call('GET', key)
    else
      value = values[i]
    end
    -- The entries that are kept lie in value, from first to size.
    local first, size, at, units = 7, 6, 0, 0
    if value then
      size = #value
      used, at, units = unpack_struct('<I6I6I6', value)
      while now - at > span do
        used = used - units
        first = first + 12
        if first > size then
          break
        end
        at, units = unpack_struct('<I6I6', value, first)
      end
    end
    local newest, held, heal = at, units, nil
    if size - first > 12 then
      newest, held = unpack_struct('<I6I6', value, size - 11)
    end
    if newest > now and first < size then
      newest, held, at, units, first, size = now, used, now, used, 7, 18
      value = pack('<I6I6I6', used, now, used)
      heal = value
    end

    if used + amount <= limit then
      local part = limit > 16 and span / 16 or 1
      if first < size and newest >= now - now % part then
        size = size - 12
      else
        held = 0
      end
      if first < size then
        written = pack('<I6', used + amount) .. sub(value, first, size)
          .. pack('<I6I6', now, held + amount)
      else
        written = pack('<I6I6I6', used + amount, now, held + amount)
      end
    elseif amount > limit then
      retry = -1
    else
      local over = used + amount - limit - units
      while over > 0 do
        first = first + 12
        at, units = unpack_struct('<I6I6', value, first)
        over = over - units
      end
      retry = at + span + 1 - now
    end

    if is_one then
      if written or heal then
        call('PSETEX', key, ARGV[5], written or heal)
      end
      return written and used + amount or {used, retry}
    end
    after[i] = used + amount
    if heal then
      healed[i] = heal
    end

  elseif kind == 'cf' or kind == 'f' or kind == 'F' then
    local field, total = ARGV[arg + 3]
    if is_peek then
      used = (call('HGET', key, field) or 0) + 0
      total = used + amount
    else
      -- The caller's text: Lua's printing of a number is dear.
      used = call('HINCRBY', key, field, ARGV[arg + 2])
      total = used
    end
    local ttl = call('PTTL', key)
    if not is_peek and (ttl < 0 or ttl > span * 1000 + 1000) then
      call('PEXPIREAT', key, (call('TIME')[1] + span) * 1000 + 999)
      ttl = call('PTTL', key)
    end
    if limit > 0 and total > limit then
      retry = amount > limit and -1 or ttl + 1
    end
    if is_one then
      return retry == 0 and used or {used, retry}
    end
    after[i] = used

  elseif kind == 'd' or kind == 'D' or kind == 'e' or kind == 'E' then
    local value = values[i] or ''
    local part, date, code, old_part, old_date = 0, now + span, 0, nil, nil
    if value ~= '' then
      old_part, old_date = unpack_struct('<I4I6', value)
    end
    if kind == 'd' or kind == 'D' then
      part = math.ceil(span / 14)
      date = math.floor(now / part)
      code = date % 15
    elseif value ~= '' and now <= old_date then
      date = math.min(date, old_date)
      ARGV[arg + 3] = date - now + 1000
    else
      value = ''
    end
    local is_sketch = #value == 155
    local first = is_sketch and 13 or 11
    local count, held, cell = 0, nil, amount % 286
    local at = 13 + math.floor(cell / 2)

    -- codes: of the dates under the old header, under this one; nil: as before.
    local codes, is_late = nil, false
    if value ~= '' and part > 0 and (old_part ~= part or old_date ~= date) then
      codes = {}
      for old = 0, 14 do
        local seen = math.max(old_date - (old_date - old) % 15, 0)
        if old_part ~= part then
          seen = math.floor(((seen + 1) * old_part - 1) / part)
        end
        if seen > date then
          is_late, seen = old_part == part, date
        end
        codes[old] = date - seen < 15 and seen % 15
      end
    end
    local body = {}
    if is_sketch and not codes then
      count = unpack_struct('<I2', value, 11)
    elseif is_sketch then
      for from = 13, 155 do
        local pair = string.byte(value, from)
        local low = pair % 16
        local high = (pair - low) / 16
        low = low > 0 and codes[low - 1] and codes[low - 1] + 1 or 0
        high = high > 0 and codes[high - 1] and codes[high - 1] + 1 or 0
        count = count + (low > 0 and 1 or 0) + (high > 0 and 1 or 0)
        body[from - 12] = string.char(low + 16 * high)
      end
      if count == 0 then
        is_sketch, body = false, {}
      end
    else
      for from = 11, #value, 3 do
        local entry = unpack_struct('<I3', value, from)
        local seen = entry % 16
        local hash = (entry - seen) / 16
        if codes then
          seen = codes[seen]
        end
        if seen then
          count = count + 1
          if hash == amount then
            held = count
          end
          body[count] = hash * 16 + seen
        end
      end
    end
    -- A sketch is the text cells, a list the numbers in body.
    local cells
    if is_sketch then
      cells = codes and table.concat(body) or sub(value, 13)
    end
    used = count
    if count == 48 and not is_sketch and not held and limit > 48 then
      local marks = {}
      for n = 0, 285 do
        marks[n] = 0
      end
      count = 0
      for n = 1, 48 do
        local seen = body[n] % 16
        local place = (body[n] - seen) / 16 % 286
        local mark = marks[place]
        if mark == 0 then
          count = count + 1
        end
        if mark == 0 or (date - seen) % 15 < (date - mark + 1) % 15 then
          marks[place] = seen + 1
        end
      end
      for n = 0, 142 do
        marks[n] = string.char(marks[2 * n] + 16 * marks[2 * n + 1])
      end
      cells = table.concat(marks, '', 0, 142)
    end
    local total, sum = count + 1, 0
    local pair, mark
    if cells then
      pair = string.byte(cells, at - 12)
      mark = pair % 16
      if cell % 2 == 1 then
        mark = (pair - mark) / 16
      end
      for n = 0, count - 1 do
        sum = sum + 286 / (286 - n)
      end
      total = count < 286 and sum + 286 / (286 - count) or sum
      total = math.floor(total + 0.5)
      if is_sketch then
        used = math.floor(sum + 0.5)
      elseif total > limit then
        cells, count, total, limit = nil, 48, 49, 48
      end
    end

    if held or total <= limit then
      if cells then
        after[i] = mark > 0 and math.floor(sum + 0.5) or total
        if date ~= old_date or codes or not is_sketch or mark ~= code + 1 then
          local shift = cell % 2 == 1 and 16 or 1
          written = pack('<I4I6I2', part, date, mark > 0 and count or count + 1)
            .. sub(cells, 1, at - 13)
            .. string.char(pair + (code + 1 - mark) * shift)
            .. sub(cells, at - 11)
        end
      else
        after[i] = held and count or total
        local entry = amount * 16 + code
        if date ~= old_date or codes or body[held or 0] ~= entry then
          body[held or count + 1] = entry
          written = pack('<I4I6', part, date)
          for n = 1, #body do
            written = written .. pack('<I3', body[n])
          end
        end
      end
    elseif part == 0 then
      retry = date + 1 - now
    else
      -- The oldest leave first, until there is room for one.
      local ages = {}
      for age = 0, 15 do
        ages[age] = 0
      end
      if cells then
        for from = 1, 143 do
          pair = string.byte(cells, from)
          local low = pair % 16
          local high = (pair - low) / 16
          low = low > 0 and (date - low + 1) % 15 or 15
          high = high > 0 and (date - high + 1) % 15 or 15
          ages[low] = ages[low] + 1
          ages[high] = ages[high] + 1
        end
      else
        for n = 1, count do
          local age = (date - body[n] % 16) % 15
          ages[age] = ages[age] + 1
        end
      end
      local left, age = count, 15
      while age > 0 and total > limit do
        age = age - 1
        left = left - ages[age]
        total = left + 1
        if cells then
          total = 0
          for n = 0, left do
            total = total + 286 / (286 - n)
          end
          total = math.floor(total + 0.5)
        end
      end
      retry = (date - age + 15) * part - now
    end
    if is_late and not cells then
      healed[i] = pack('<I4I6', part, date)
      for n = 1, count do
        healed[i] = healed[i] .. pack('<I3', body[n])
      end
    elseif is_late then
      healed[i] = pack('<I4I6I2', part, date, count) .. cells
    end

  else
    local others, life, id = 0, 0, ARGV[arg + 3]
    local value = values[i] or ''
    written = ''
    for from = 1, #value, 18 do
      local expiry, holder, count = unpack_struct('<I6c8I4', value, from)
      if expiry > now and holder ~= id then
        others = others + count
        written = written .. sub(value, from, from + 17)
        life = math.max(life, expiry - now)
      end
    end
    if limit > 0 and others + amount > limit then
      retry, written = span, nil
    elseif amount > 0 then
      written = written .. pack('<I6c8I4', now + span, id, amount)
      life = math.max(life, span)
    end
    used, after[i] = others + amount - 1, others + amount
    ARGV[arg + 3] = life == span and ARGV[arg + 1] or life
  end

  values[i] = written
  report[2 * i - 1], report[2 * i] = used, retry
  if retry ~= 0 then
    is_clean = false
    passes = passes and kind < 'a'
  end
end

if not is_peek then
  for i = 1, #KEYS do
    local value = passes and values[i] or healed[i]
    if value == '' then
      call('DEL', KEYS[i])
    elseif value then
      call('PSETEX', KEYS[i], ARGV[4 * i + 1], value)
    end
    if passes and values[i] then
      report[2 * i - 1] = after[i]
    end
  end
end
if is_receipt then
  report[2 * #KEYS + 1] = now
  return report
end
return is_clean and (after[2] and after or after[1]) or report
