/*
 * test_config_options.c - the table of options against everything that must
 * agree with it: the core's names, the sample file and the man page.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/config/config.h"
#include "common/config/option_types.h"
#include "common/config/options.h"
#include "common/config/values.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE SOURCE_DIR "/conf/tollgate.conf"
#define MANUAL SOURCE_DIR "/doc/tollgate.conf.5"

static char *read_file(const char *path)
{
    char *text = xcalloc(1, 128 * 1024);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t len = fread(text, 1, 128 * 1024 - 1, in);
    assert_true(len > 0);
    fclose(in);
    return text;
}

static bool has_line(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(
        regcomp(&regex, pattern, REG_EXTENDED | REG_NEWLINE | REG_NOSUB), 0);
    bool has = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return has;
}

/* The lines from `section ... {` to the next `}`, or those outside of all. */
static char *lines_of(const char *text, const char *section)
{
    char *out = xcalloc(1, strlen(text) + 1);
    size_t at = 0;
    bool is_in = section == NULL;
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n") + 1;
        const char *word = line + strspn(line, "#");
        size_t word_len = strcspn(word, " \n");
        bool opens = memmem(word, len - (size_t)(word - line), " {", 2) &&
                     word_len > 0 && memchr(word, '=', len) == NULL;
        if (opens && *word != ' ')
            is_in = section != NULL && strlen(section) == word_len &&
                    memcmp(word, section, word_len) == 0;
        if (is_in) {
            memcpy(out + at, line, len);
            at += len;
        }
        if (*word == '}')
            is_in = section == NULL;
        line += len;
    }
    return out;
}

TEST(sample_names_every_option)
{
    char *sample = read_file(SAMPLE);
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        char *lines = lines_of(sample, option_sections[option->section].name);
        char *pattern = xprintf("^#? *%s = ", option->name);
        if (!has_line(lines, pattern))
            fail_msg("%s is not in the sample", option->label);
        free(pattern);
        free(lines);
    }
    free(sample);
}

TEST(manual_names_every_option)
{
    char *manual = read_file(MANUAL);
    for (unsigned s = SECTION_TOP + 1; s < OPTION_SECTIONS; s++)
        if (!strstr(manual, option_sections[s].name))
            fail_msg("%s is not in the man page", option_sections[s].name);
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        char *pattern = xprintf("^\\.It Ic %s( |$)", option->name);
        if (!has_line(manual, pattern))
            fail_msg("%s is not in the man page", option->label);
        free(pattern);
    }
    free(manual);
}

/* Up to the next item; items in a row share the text after the last. */
static char *item_text(const char *item)
{
    const char *at = item;
    while (strncmp(at, ".It ", 4) == 0)
        at += strcspn(at, "\n") + 1;
    const char *end = strstr(at, "\n.It ");
    return strndup(item, end == NULL ? strlen(item) : (size_t)(end - item));
}

/* Ranges that the man page gives must be the table's. */
TEST(manual_gives_ranges)
{
    char *manual = read_file(MANUAL);
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        if (option->min == NULL)
            continue;
        char *item = xprintf("\n.It Ic %s ", option->name);
        const char *start = strstr(manual, item);
        assert_non_null(start);
        char *text = item_text(start + 1);
        char *range = xprintf("%s to %s", option->min, option->max);
        if (strstr(text, range) == NULL)
            fail_msg(
                "%s: the man page lacks the range %s", option->label, range);
        free(range);
        free(text);
        free(item);
    }
    free(manual);
}

static char *show(const struct config *config, enum config_show what)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    config_show(config, what, out);
    fclose(out);
    return text;
}

static struct config *load(const char *path)
{
    struct error err = {""};
    struct config_source source = {.path = path};
    struct config *config = config_load(&source, &err);
    if (config == NULL)
        fail_msg("%s", err.text);
    return config;
}

TEST(sample_equals_defaults)
{
    struct config *sample = load(SAMPLE);
    struct config *empty = load("/dev/null");
    char *changed = show(sample, CONFIG_SHOW_CHANGED);
    assert_string_equal(changed, "");
    assert_string_equal(sample->hash, empty->hash);
    free(changed);
    config_unref(&sample);
    config_unref(&empty);
}

static char *uncomment(const char *sample)
{
    char *out = xcalloc(1, strlen(sample) + 1);
    size_t at = 0;
    for (const char *line = sample; *line != '\0';) {
        size_t len = strcspn(line, "\n") + 1;
        bool is_example = line[0] == '#' && strchr(" \n", line[1]) == NULL;
        is_example = is_example || strncmp(line, "#    ", 5) == 0;
        memcpy(out + at, line + is_example, len - is_example);
        at += len - is_example;
        line += len;
    }
    return out;
}

static char *write_temporary(const char *text)
{
    char *path = xstrdup("/tmp/tollgate-test-XXXXXX");
    int fd = mkstemp(path);
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

TEST(sample_examples_load)
{
    char *sample = read_file(SAMPLE);
    char *examples = uncomment(sample);
    char *path = write_temporary(examples);
    struct config *config = load(path);
    assert_int_equal(config->service_count, 1);
    assert_int_equal(config->limit_count, 7);
    config_unref(&config);
    unlink(path);
    free(path);
    free(examples);
    free(sample);
}

TEST(words_are_the_cores)
{
    const char *const *events = option_find(SECTION_LIMIT, "event")->words;
    for (unsigned i = 0; i < EVENT_KINDS; i++)
        assert_string_equal(events[i], event_kind_name((enum event_kind)i));
    assert_null(events[EVENT_KINDS]);
    const char *const *keys = option_find(SECTION_LIMIT, "key")->words;
    for (unsigned i = 0; i < KEY_PARTS; i++)
        assert_string_equal(keys[i], key_part_name((enum key_part)i));
    assert_null(keys[KEY_PARTS]);
    const char *const *faces = option_find(SECTION_LIMIT, "at")->words;
    for (unsigned i = 0; i < FACES; i++)
        assert_string_equal(faces[i + 1], face_name((enum face)i));
    const char *const *levels = option_find(SECTION_TOP, "log_level")->words;
    assert_string_equal(levels[LOG_LEVEL_DEBUG], "debug");
    assert_string_equal(levels[LOG_LEVEL_INFO], "info");
    assert_string_equal(levels[LOG_LEVEL_WARN], "warn");
    assert_string_equal(levels[LOG_LEVEL_ERROR], "error");
}

TEST(rows_are_sound)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        const struct option *first = NULL;
        size_t rows = option_rows(option->section, &first);
        assert_true(option >= first && option < first + rows);
        assert_ptr_equal(option_find(option->section, option->name), option);
        assert_true(strlen(option->help) > 0);
        assert_int_equal(option->size == 0, option->type == OPTION_PAIRS);
    }
}

RUN_TESTS(NULL, NULL)
