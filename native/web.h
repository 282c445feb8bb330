/* Rows of a Web Connectivity measurement: what `flatten.py`, `control.py`, `traffic.py` and `envelope.py` do, step by
   step in the same order, on numbers of texts. */
#ifndef WALLWATCH_WEB_H
#define WALLWATCH_WEB_H

#include "parts.h"
#include "table.h"

/* ---- the tables: names and types as in `schema/measurements.py` ---- */

#define ROW_COLUMNS(X)                                                                                       \
    X(measurement, INT32) X(obs, INT32) X(layer, INT32)                                                      \
    X(host, TEXT) X(ip, TEXT) X(port, INT32) X(ip_network, INT64) X(ip_network_name, LABEL)                  \
    X(ip_kind, LABEL) X(failure, LABEL) X(failure_text, TEXT) X(t_seconds, DOUBLE)                           \
    X(duration_seconds, DOUBLE) X(depth, INT32) X(transaction, INT64)                                        \
    X(dns_engine, LABEL) X(dns_query_type, LABEL) X(dns_resolver, TEXT) X(dns_answer_type, LABEL)            \
    X(dns_answer, TEXT) X(dns_rcode, INT32) X(dns_ttl, INT64) X(dns_fingerprint, LIST)                       \
    X(tls_server_name, TEXT) X(tls_outer_server_name, TEXT) X(tls_ech, LABEL) X(tls_version, LABEL)          \
    X(tls_alpn, LABEL) X(tls_no_verify, BOOL) X(tls_certificate_sha256, TEXT) X(tls_subject, TEXT)           \
    X(tls_issuer, TEXT) X(tls_names, LIST) X(tls_not_before, INT64) X(tls_not_after, INT64)                  \
    X(tls_chain_length, INT32) X(tls_self_signed, BOOL) X(tls_matches_name, BOOL)                            \
    X(read_bytes, INT64) X(read_count, INT32) X(write_bytes, INT64) X(write_count, INT32)                    \
    X(http_method, LABEL) X(http_url, TEXT) X(http_status, INT32) X(http_body_length, INT64)                 \
    X(http_body_sha256, TEXT) X(http_body_truncated, BOOL) X(http_title, TEXT) X(http_location, TEXT)        \
    X(http_server, TEXT) X(http_header_names, TEXT) X(http_alpn, LABEL) X(http_fingerprint, LIST)

#define WHO_COLUMNS(X)                                                                                       \
    X(measurement, INT32) X(measurement_id, TEXT) X(time, INT64) X(country, LABEL) X(network, INT64)         \
    X(network_name, LABEL) X(network_type, LABEL) X(resolver_network, INT64) X(resolver_kind, LABEL)         \
    X(platform, LABEL) X(nettest_version, LABEL) X(software, LABEL) X(session, TEXT) X(probe_id, TEXT)       \
    X(input, TEXT) X(target, TEXT) X(runtime_seconds, DOUBLE) X(received, INT64) X(helper, LABEL)            \
    X(helper_failure, LABEL) X(peer_verdict, LABEL) X(annotation_run, TEXT) X(test_start, INT64)             \
    X(opened, INT64) X(observations, INT32) X(controls, INT32)

#define AS_FIELD(name, type) c_##type name;
#define AS_COLUMN_OF_ROW(name, type) {#name, type, offsetof(Row, name)},
#define AS_COLUMN_OF_WHO(name, type) {#name, type, offsetof(Who, name)},
#define NOTHING_TEXT NONE
#define NOTHING_LABEL NONE
#define NOTHING_LIST NONE
#define NOTHING_INT32 NO_INT32
#define NOTHING_INT64 NO_INT64
#define NOTHING_DOUBLE Py_NAN
#define NOTHING_BOOL NO_BOOL
#define AS_NOTHING(name, type) .name = NOTHING_##type,

typedef struct { ROW_COLUMNS(AS_FIELD) } Row;
typedef struct { WHO_COLUMNS(AS_FIELD) } Who;
static const ColumnOf ROW_OF[] = {ROW_COLUMNS(AS_COLUMN_OF_ROW)};
static const ColumnOf WHO_OF[] = {WHO_COLUMNS(AS_COLUMN_OF_WHO)};
static const Row NO_ROW = {ROW_COLUMNS(AS_NOTHING)};
static const Who NO_WHO = {WHO_COLUMNS(AS_NOTHING)};
#define MANY(array) ((int)(sizeof(array) / sizeof *(array)))

enum { DNS, TCP, TLS, QUIC, HTTP };

/* ---- what Python works out ---- */

/* Of a text a text. */
#define MEMOS(X)                                                                                             \
    X(address) X(host_name) X(address_kind) X(engine) X(ech) X(upper) X(cut_url) X(cut_server)               \
    X(helper_title) X(country_code) X(resolver_kind) X(shown_name) X(failure_word) X(failure_text)
/* Of a text a number; the last four give what the reader keeps, by place. */
#define NUMBER_MEMOS(X)                                                                                      \
    X(network_number) X(port_number) X(leading) X(received) X(stamped) X(is_secret)                          \
    X(endpoint) X(url) X(leaf) X(answer_hits)
/* Of several things. */
#define CALLS(X) X(software) X(matches) X(layout) X(body) X(from_base64) X(header_hits) X(made_id)

typedef struct {
    Id host, ip;
    int64_t port;
} Place;

typedef struct {
    Id sha256, subject, issuer;
    int32_t names;
    int64_t not_before, not_after;
    int self_signed;
} Leaf;

/* Where things are among headers of the same names (`http.Layout`). */
typedef struct {
    Id names;
    int location, server;
    int32_t telling, told; /* places of headers that fingerprints are about, and how many */
} Layout;

typedef struct {
    int place;
    Id lower;
} Told;

/* What a composite key is about. */
enum { OF_SOFTWARE, OF_MATCH, OF_LAYOUT, OF_HITS };

#define AS_MEMO(name) Memo name;
#define AS_NUMBER_MEMO(name) NumberMemo name;
#define AS_CALL(name) PyObject *name;

typedef struct {
    PyObject_HEAD
    Line line;
    Texts texts;
    Texts composites;
    Memo composite_found;
    Lists lists;
    Place *places;
    Leaf *leaves;
    Layout *layouts;
    Told *told;
    size_t room_places, room_leaves, room_layouts, room_told;
    int32_t n_places, n_leaves, n_layouts, n_told;
    MEMOS(AS_MEMO)
    NUMBER_MEMOS(AS_NUMBER_MEMO)
    CALLS(AS_CALL)
    Table rows, controls, who;
    Py_ssize_t most; /* texts, after which what is known is forgotten with the next batch; see MOST_BYTES_OF_TEXTS */
    int busy; /* a line is being read, perhaps while other threads run */
} Reader;

/* What is known is forgotten as well with the next batch once its texts have so many bytes: certificates are kilobytes. */
enum { MOST_BYTES_OF_TEXTS = 48 << 20 };

#define TEXT_OF(self, memo, text) made(&(self)->line, &(self)->memo, &(self)->texts, text)
#define NUMBER_OF(self, memo, text) made_number(&(self)->line, &(self)->memo, &(self)->texts, text)

/* The number where 32 bits hold it, as a column of Python's makes it. */
static inline int32_t fits(Line *line, int64_t number) {
    if (UNLIKELY(number == NO_INT32)) odd(line); /* a number like others, and no null */
    return number > INT32_MIN && number <= INT32_MAX ? (int32_t)number : NO_INT32;
}

static Id filled(Id text) { return text == EMPTY ? NONE : text; }

/* The things in a tuple of so many. Takes the tuple's reference, gives one of each. */
static void items(Line *line, PyObject *tuple, PyObject **found, Py_ssize_t size) {
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != size) {
        Py_DECREF(tuple);
        PyErr_SetString(PyExc_TypeError, "a tuple of another size is wanted");
        raised(line);
    }
    for (Py_ssize_t i = 0; i < size; i++) found[i] = Py_NewRef(PyTuple_GET_ITEM(tuple, i));
    Py_DECREF(tuple);
}

/* Host, address and port of an endpoint or a URL (`remembered.ENDPOINTS` and `URLS`). */
static Place place_of(Reader *self, NumberMemo *memo, Id text) {
    static const Place nowhere = {NONE, NONE, NO_INT64};
    if (text == NONE) return nowhere;
    Line *line = &self->line;
    if ((size_t)text < memo->room && memo->found[text] != UNKNOWN_INT64) return self->places[memo->found[text]];
    PyObject *parts[3];
    items(line, call(line, memo->work, &self->texts, text), parts, 3);
    Place found;
    found.host = from_python(line, &self->texts, parts[0]);
    found.ip = from_python(line, &self->texts, parts[1]);
    found.port = whole_from_python(line, parts[2]);
    self->places = grown(line, self->places, &self->room_places, (size_t)self->n_places + 1, sizeof found);
    self->places[self->n_places] = found;
    *number_slot(line, memo, &self->texts, text) = self->n_places++;
    return found;
}

/* The fingerprints that a DNS answer matches, as a list. */
static int32_t answer_hits_of(Reader *self, Id text) {
    Line *line = &self->line;
    NumberMemo *memo = &self->answer_hits;
    if ((size_t)text < memo->room && memo->found[text] != UNKNOWN_INT64) return (int32_t)memo->found[text];
    int32_t found =
        list_from_python(line, &self->lists, &self->texts, call(line, memo->work, &self->texts, text));
    *number_slot(line, memo, &self->texts, text) = found;
    return found;
}

/* The facts of a certificate; none where it is no base64. */
static const Leaf *leaf_of(Reader *self, Id text) {
    Line *line = &self->line;
    NumberMemo *memo = &self->leaf;
    if ((size_t)text < memo->room && memo->found[text] != UNKNOWN_INT64)
        return memo->found[text] < 0 ? NULL : self->leaves + memo->found[text];
    PyObject *given = call(line, memo->work, &self->texts, text);
    if (given == Py_None) {
        Py_DECREF(given);
        *number_slot(line, memo, &self->texts, text) = -1;
        return NULL;
    }
    PyObject *parts[7];
    items(line, given, parts, 7);
    Leaf found;
    found.sha256 = from_python(line, &self->texts, parts[0]);
    found.subject = from_python(line, &self->texts, parts[1]);
    found.issuer = from_python(line, &self->texts, parts[2]);
    found.names = list_from_python(line, &self->lists, &self->texts, parts[3]);
    found.not_before = whole_from_python(line, parts[4]);
    found.not_after = whole_from_python(line, parts[5]);
    int64_t self_signed = whole_from_python(line, parts[6]);
    found.self_signed = self_signed == NO_INT64 ? NO_BOOL : (int)self_signed;
    self->leaves = grown(line, self->leaves, &self->room_leaves, (size_t)self->n_leaves + 1, sizeof found);
    self->leaves[self->n_leaves] = found;
    *number_slot(line, memo, &self->texts, text) = self->n_leaves++;
    return self->leaves + self->n_leaves - 1;
}

/* The slot of what was found out about several numbers together. */
static int32_t *about(Reader *self, int32_t kind, const Id *ids, int n) {
    Line *line = &self->line;
    int32_t *composite = room_for(line, ((size_t)n + 1) * sizeof *composite);
    composite[0] = kind;
    memcpy(composite + 1, ids, (size_t)n * sizeof *ids);
    int32_t number =
        numbered(line, &self->composites, (const uint8_t *)composite, ((size_t)n + 1) * sizeof *composite);
    return memo_slot(line, &self->composite_found, &self->composites, number);
}

/* Calls with two texts. */
static PyObject *call_two(Reader *self, PyObject *work, Id one, Id two) {
    Line *line = &self->line;
    PyObject *first = as_python(line, &self->texts, one);
    line->held = first;
    PyObject *second = as_python(line, &self->texts, two);
    line->held = NULL;
    PyObject *found = PyObject_CallFunctionObjArgs(work, first, second, NULL);
    Py_DECREF(first);
    Py_DECREF(second);
    if (!found) raised(line);
    return found;
}

static Id software_of(Reader *self, Id name, Id version) {
    Id both[] = {name, version};
    int32_t *slot = about(self, OF_SOFTWARE, both, 2);
    if (*slot == UNKNOWN) {
        Id found = from_python(&self->line, &self->texts, call_two(self, self->software, name, version));
        *about(self, OF_SOFTWARE, both, 2) = found;
        return found;
    }
    return *slot;
}

/* Whether a certificate is for a name; NO_BOOL where that cannot be said. */
static int matches_of(Reader *self, Id certificate, Id name) {
    Id both[] = {certificate, name};
    int32_t *slot = about(self, OF_MATCH, both, 2);
    if (*slot == UNKNOWN) {
        int64_t found = whole_from_python(&self->line, call_two(self, self->matches, certificate, name));
        *slot = found == NO_INT64 ? NO_BOOL : (int32_t)found;
    }
    return *slot;
}

static const Layout *layout_of(Reader *self, const Headers *h) {
    Line *line = &self->line;
    Id *names = room_for(line, (size_t)(h->n + 1) * sizeof *names);
    for (int i = 0; i < h->n; i++) names[i] = h->list[i].name;
    int32_t *slot = about(self, OF_LAYOUT, names, h->n);
    if (*slot != UNKNOWN) return self->layouts + *slot;
    PyObject *tuple = PyTuple_New(h->n);
    if (!tuple) raised(line);
    line->held = tuple;
    for (int i = 0; i < h->n; i++) PyTuple_SET_ITEM(tuple, i, as_python(line, &self->texts, names[i]));
    PyObject *given = PyObject_CallOneArg(self->layout, tuple);
    line->held = NULL;
    Py_DECREF(tuple);
    if (!given) raised(line);
    PyObject *parts[4];
    items(line, given, parts, 4);
    Layout found;
    found.names = from_python(line, &self->texts, parts[0]);
    found.location = (int)whole_from_python(line, parts[1]);
    found.server = (int)whole_from_python(line, parts[2]);
    found.telling = self->n_told;
    found.told = 0;
    PyObject *told = parts[3];
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(told); i++) {
        PyObject *pair[2];
        items(line, Py_NewRef(PyTuple_GET_ITEM(told, i)), pair, 2);
        Told one;
        one.place = (int)whole_from_python(line, pair[0]);
        one.lower = from_python(line, &self->texts, pair[1]);
        self->told = grown(line, self->told, &self->room_told, (size_t)self->n_told + 1, sizeof one);
        self->told[self->n_told++] = one;
        found.told++;
    }
    Py_DECREF(told);
    self->layouts = grown(line, self->layouts, &self->room_layouts, (size_t)self->n_layouts + 1, sizeof found);
    self->layouts[self->n_layouts] = found;
    *about(self, OF_LAYOUT, names, h->n) = self->n_layouts++;
    return self->layouts + self->n_layouts - 1;
}

/* A header's value as text (`http.as_text`). */
static Id header_text(Reader *self, const Header *h) {
    if (h->encoded) odd(&self->line); /* bytes that are no UTF-8: rare */
    return text_number(&self->line, &self->texts, &h->value);
}

/* ---- one measurement ---- */

typedef struct {
    Id ip;
    int64_t network;
    Id name;
} Network;

typedef struct {
    Id of;
    int depth;
    Id host;
} HostOf;

typedef struct {
    int64_t transaction;
    Id host;
} HostOfTransaction;

/* What a measurement says of its addresses (`Flattener._hosts`, `_networks`, `_depth_hosts`). */
typedef struct {
    Reader *reader;
    const Keys *keys;
    Id first_host;
    int32_t number, seen; /* of the measurement; rows so far */
    int64_t repeated; /* bytes of text that stand in more rows than they are written in, as `Rows.repeated` */
    Network *networks;
    HostOf *hosts; /* by address and depth; the first of an address also stands for it alone */
    HostOfTransaction *transactions;
    int n_networks, n_hosts, n_transactions;
    Id depth_hosts[65]; /* the last one is that of no depth */
} Flat;

/* The first two: see `LONGEST_NAME` and `MOST_REPEATED` in Python. */
enum { LONGEST_NAME = 255, MOST_REPEATED = 20, MOST_ADDRESSES = 1024 };

static Row *row(Flat *f, Table *table, int layer) {
    Row *found = new_row(&f->reader->line, table);
    found->measurement = f->number;
    found->obs = f->seen++;
    found->layer = layer;
    return found;
}

static void to_failure(Reader *self, Row *r, Id failed) {
    if (failed <= EMPTY) return;
    Id word = TEXT_OF(self, failure_word, failed), as_written = TEXT_OF(self, failure_text, failed);
    r->failure = word;
    r->failure_text = as_written;
}

static void to_times(Row *r, double t0, double t) {
    r->t_seconds = t;
    r->duration_seconds = t - t0;
}

static void to_address(Flat *f, Row *r, Id ip) {
    r->ip = ip;
    r->ip_kind = TEXT_OF(f->reader, address_kind, ip);
}

static void to_network(const Flat *f, Row *r, Id ip) {
    if (ip == NONE) return;
    for (int i = 0; i < f->n_networks; i++)
        if (f->networks[i].ip == ip) {
            r->ip_network = f->networks[i].network;
            r->ip_network_name = f->networks[i].name;
            return;
        }
}

static int64_t network_of(const Number *asn) {
    if (asn->kind == NO_NUMBER) return NO_INT64;
    if (asn->kind == BROKEN && !(asn->broken > 0 && asn->broken < 4294967296.0)) return NO_INT64;
    int64_t number = asn->kind == WHOLE ? asn->whole : (int64_t)asn->broken;
    return number > 0 && number < (int64_t)1 << 32 ? number : NO_INT64;
}

static void to_connection(Row *r, int depth, int64_t transaction) {
    if (depth >= 0) r->depth = depth;
    r->transaction = transaction ? transaction : NO_INT64;
}

static void remember_host(Flat *f, Id ip, int depth, Id host) {
    for (int i = 0; i < f->n_hosts; i++)
        if (f->hosts[i].of == ip && f->hosts[i].depth == depth) return;
    if (f->n_hosts == MOST_ADDRESSES) odd(&f->reader->line);
    f->hosts[f->n_hosts++] = (HostOf){ip, depth, host};
}

static Id host_at(const Flat *f, Id of, int depth) {
    Id first = NONE;
    if (of == NONE) return NONE;
    for (int i = 0; i < f->n_hosts; i++)
        if (f->hosts[i].of == of) {
            if (f->hosts[i].depth == depth) return f->hosts[i].host;
            if (first == NONE) first = f->hosts[i].host;
        }
    return first;
}

static void remember_transaction(Flat *f, int64_t transaction, Id host) {
    for (int i = 0; i < f->n_transactions; i++)
        if (f->transactions[i].transaction == transaction) {
            f->transactions[i].host = host;
            return;
        }
    if (f->n_transactions == MOST_ADDRESSES) odd(&f->reader->line);
    f->transactions[f->n_transactions++] = (HostOfTransaction){transaction, host};
}

/* Which host each transaction is about: connects do not say it themselves. */
static void remember_transactions(Flat *f) {
    const Keys *keys = f->keys;
    for (int i = 0; i < keys->n_tls; i++) {
        const Handshake *h = keys->tls + i;
        if (h->transaction == NO_INT64 || !h->transaction) continue;
        Id name = TEXT_OF(f->reader, host_name, h->server_name);
        if (name > EMPTY) remember_transaction(f, h->transaction, name);
    }
    for (int i = 0; i < keys->n_requests; i++) {
        const Exchange *e = keys->requests + i;
        if (e->transaction == NO_INT64 || !e->transaction || !e->asked) continue;
        Id host = place_of(f->reader, &f->reader->url, e->url).host;
        if (host != NONE) remember_transaction(f, e->transaction, host);
    }
}

/* The host that a connection to an address is about, and its depth. */
static Id host_of(const Flat *f, Id address_or_name, int *depth, int64_t transaction, Id known) {
    Id host = known;
    if (host == NONE && transaction != NO_INT64 && transaction)
        for (int i = 0; i < f->n_transactions; i++)
            if (f->transactions[i].transaction == transaction) {
                host = f->transactions[i].host;
                break;
            }
    if (host == NONE) host = host_at(f, address_or_name, *depth);
    if (host == NONE && *depth >= 0) host = f->depth_hosts[*depth];
    if (host == NONE) host = f->first_host;
    if (*depth < 0 && host == f->first_host) *depth = 0;
    return host;
}

/* Of entries for one question in clear text of one transaction, all but the first are further responses. */
static int answered_before(const Keys *keys, int place) {
    const Query *q = keys->queries + place;
    for (int i = 0; i < place; i++) {
        const Query *p = keys->queries + i;
        if (p->engine == W_UDP && p->transaction == q->transaction && p->hostname == q->hostname &&
            p->query_type == q->query_type && p->resolver_address == q->resolver_address)
            return 1;
    }
    return 0;
}

static int64_t size_of(const Reader *self, Id text) { return text == NONE ? 0 : self->texts.sizes[text]; }

/* A resolver's or a network's name; one that is none for its length is left to Python. */
static Id named(Reader *self, Id text) {
    if (size_of(self, text) > LONGEST_NAME) odd(&self->line);
    return filled(text);
}

/* One row for each answer; one for a query that failed or got none. */
static void queries(Flat *f) {
    Reader *self = f->reader;
    const Keys *keys = f->keys;
    for (int i = 0; i < keys->n_queries; i++) {
        const Query *q = keys->queries + i;
        Id host = TEXT_OF(self, host_name, q->hostname);
        int depth = q->depth;
        if (host != NONE) {
            if (depth < 0 && host == f->first_host) depth = 0;
            Id *slot = f->depth_hosts + (depth < 0 ? 64 : depth);
            if (*slot == NONE) *slot = host;
        }
        int again = q->engine == W_UDP && q->transaction != NO_INT64 && q->transaction && answered_before(keys, i);
        Id engine = again ? W_AGAIN : q->engine <= EMPTY ? W_SYSTEM : TEXT_OF(self, engine, q->engine);
        Id failed = q->failure > EMPTY ? q->failure : q->answered ? NONE : W_NO_ANSWER;
        if (q->answered > 1)
            f->repeated += (q->answered - 1) * (size_of(self, q->hostname) + size_of(self, q->resolver_address) +
                                                size_of(self, q->failure));
        for (int k = 0; k < (q->answered ? q->answered : 1); k++) {
            Row *r = row(f, &self->rows, DNS);
            r->host = host;
            to_connection(r, depth, q->transaction);
            to_failure(self, r, failed);
            to_times(r, q->t0, q->t);
            r->dns_engine = engine;
            r->dns_query_type = q->query_type;
            r->dns_resolver = engine == W_SYSTEM ? NONE : named(self, q->resolver_address);
            r->dns_rcode = fits(&self->line, q->rcode);
            if (!q->answered) continue;
            const Answer *a = q->answers + k;
            r->dns_answer_type = a->answer_type;
            if (a->ttl.kind == WHOLE) r->dns_ttl = a->ttl.whole;
            if (a->ttl.kind == BROKEN) {
                double ttl = a->ttl.broken;
                if (!(ttl >= -9.2e18 && ttl < 9.2e18)) odd(&self->line);
                r->dns_ttl = (int64_t)ttl;
            }
            Id ip = TEXT_OF(self, address, a->ipv4 > EMPTY ? a->ipv4 : a->ipv6);
            if (ip != NONE) {
                int64_t network = network_of(&a->asn);
                Id name = named(self, a->as_org_name);
                if (host != NONE) {
                    /* The address alone stands for the host of its first answer: the list is in that order. */
                    remember_host(f, ip, depth, host);
                }
                int known = 0;
                for (int n = 0; n < f->n_networks && !known; n++) known = f->networks[n].ip == ip;
                if (!known) {
                    if (f->n_networks == MOST_ADDRESSES) odd(&self->line);
                    f->networks[f->n_networks++] = (Network){ip, network, name};
                }
                to_address(f, r, ip);
                r->ip_network = network;
                r->ip_network_name = name;
                r->dns_answer = ip;
                r->dns_fingerprint = answer_hits_of(self, ip);
            } else {
                Id value = TEXT_OF(self, host_name, a->hostname);
                if (value <= EMPTY) value = a->ipv4 > EMPTY ? a->ipv4 : a->ipv6;
                r->dns_answer = value;
                if (value > EMPTY) r->dns_fingerprint = answer_hits_of(self, value);
            }
        }
    }
}

static void connects(Flat *f) {
    Reader *self = f->reader;
    for (int i = 0; i < f->keys->n_connects; i++) {
        const Connect *c = f->keys->connects + i;
        if (!c->has_status) odd(&self->line);
        Id ip = TEXT_OF(self, address, c->ip);
        int depth = c->depth;
        Id host = host_of(f, ip != NONE ? ip : TEXT_OF(self, host_name, c->ip), &depth, c->transaction, NONE);
        int64_t port = c->port_text != NONE ? NUMBER_OF(self, port_number, c->port_text) : c->port;
        Row *r = row(f, &self->rows, TCP);
        r->host = host;
        to_address(f, r, ip);
        to_network(f, r, ip);
        r->port = fits(&self->line, port);
        to_connection(r, depth, c->transaction);
        to_failure(self, r, c->failure > EMPTY ? c->failure : c->success == 0 ? W_UNKNOWN_FAILURE : NONE);
        to_times(r, c->t0, c->t);
    }
}

typedef struct {
    int given, only_read; /* whether the events say it; whether they say how much was read and nothing else */
    int64_t numbers[4];
} Traffic;

/* The last handshake of a transaction that says when it ended: its place, or -1. */
static int ends_of(const Handshake *list, int n, int64_t transaction) {
    for (int i = n - 1; i >= 0; i--)
        if (list[i].transaction == transaction && list[i].t == list[i].t) return i;
    return -1;
}

static int place_of_operation(int operation) {
    switch (operation) {
    case READ: case READ_FROM: return 0;
    case WRITE: case WRITE_TO: return 2;
    default: return -1;
    }
}

static void traffic_by_transaction(const Keys *keys, const Handshake *list, int n, Traffic *result) {
    int at = -1;
    int64_t last = NO_INT64;
    for (int i = 0; i < keys->n_events; i++) {
        const Event *e = keys->events + i;
        if (e->operation == SHAKE_START || e->operation == SHAKE_DONE) continue;
        if (e->transaction == NO_INT64 || !e->transaction || e->t != e->t) continue;
        if (e->transaction != last) {
            last = e->transaction;
            at = ends_of(list, n, last);
        }
        if (at < 0 || e->t > list[at].t + 0.001) continue;
        Traffic *found = result + at;
        if (e->operation == CUMULATIVE) {
            if (!found->given) found->only_read = 1;
            if (found->only_read && e->bytes > found->numbers[0]) found->numbers[0] = e->bytes;
            continue;
        }
        if (!found->given) {
            /* What was read and written, once it is said, counts instead of the sum. */
            memset(found, 0, sizeof *found);
            found->given = 1;
        }
        int place = place_of_operation(e->operation);
        found->numbers[place] += e->bytes;
        found->numbers[place + 1]++;
    }
    for (int i = 0; i < n; i++) {
        /* All handshakes of a transaction have its traffic, whichever of them said when it ended. */
        if (list[i].transaction == NO_INT64 || !list[i].transaction) continue;
        int from = ends_of(list, n, list[i].transaction);
        if (from >= 0 && from != i) result[i] = result[from];
    }
}

static void traffic_by_order(Flat *f, const Handshake *list, int n, Traffic *result) {
    const Keys *keys = f->keys;
    Line *line = &f->reader->line;
    Traffic *pairs = room_for(line, ((size_t)n + 1) * sizeof *pairs);
    int many = 0, open = 0;
    for (int i = 0; i < keys->n_events; i++) {
        const Event *e = keys->events + i;
        if (e->operation == SHAKE_START) {
            if (open) return;
            open = 1;
            if (many < n) memset(pairs + many, 0, sizeof *pairs);
        } else if (e->operation == SHAKE_DONE) {
            if (!open) return;
            open = 0;
            many++;
        } else if (open && many < n && (e->operation == READ || e->operation == WRITE)) {
            int place = place_of_operation(e->operation);
            pairs[many].numbers[place] += e->bytes;
            pairs[many].numbers[place + 1]++;
        }
    }
    if (many != n) return;
    /* Handshakes by time; the first of the same time first. */
    int *order = room_for(line, (size_t)n * sizeof *order);
    for (int i = 0; i < n; i++) {
        double t = list[i].t == list[i].t ? list[i].t : 0.0;
        int k = i;
        for (; k > 0; k--) {
            const Handshake *before = list + order[k - 1];
            double earlier = before->t == before->t ? before->t : 0.0;
            if (earlier <= t) break;
            order[k] = order[k - 1];
        }
        order[k] = i;
    }
    for (int i = 0; i < n; i++) {
        result[order[i]] = pairs[i];
        result[order[i]].given = 1;
    }
}

/* For each handshake what it read and wrote. */
static Traffic *traffic(Flat *f, const Handshake *list, int n) {
    Traffic *result = room_for(&f->reader->line, ((size_t)n + 1) * sizeof *result);
    memset(result, 0, ((size_t)n + 1) * sizeof *result);
    if (!f->keys->n_events || !n) return result;
    for (int i = 0; i < n; i++)
        if (list[i].transaction != NO_INT64 && list[i].transaction) {
            traffic_by_transaction(f->keys, list, n, result);
            return result;
        }
    traffic_by_order(f, list, n, result);
    return result;
}

static void handshakes(Flat *f, const Handshake *list, int n, int layer) {
    Reader *self = f->reader;
    const Traffic *moved = traffic(f, list, n);
    for (int i = 0; i < n; i++) {
        const Handshake *h = list + i;
        Place at = place_of(self, &self->endpoint, h->address);
        Id server_name = TEXT_OF(self, host_name, h->server_name);
        int depth = h->depth, matched = NO_BOOL;
        Id host = host_of(f, at.host, &depth, h->transaction, server_name);
        const Leaf *leaf = NULL;
        if (h->chain) {
            leaf = h->leaf > EMPTY ? leaf_of(self, h->leaf) : NULL;
            if (!leaf) odd(&self->line); /* gets a note */
            matched = matches_of(self, h->leaf, server_name);
        }
        Row *r = row(f, &self->rows, layer);
        r->host = host;
        to_address(f, r, at.ip);
        to_network(f, r, at.ip);
        r->port = fits(&self->line, at.port);
        to_connection(r, depth, h->transaction);
        to_failure(self, r, h->failure);
        to_times(r, h->t0, h->t);
        r->tls_server_name = server_name;
        r->tls_outer_server_name = TEXT_OF(self, host_name, h->outer_server_name);
        r->tls_ech = TEXT_OF(self, ech, h->echconfig);
        r->tls_version = filled(h->tls_version);
        r->tls_alpn = filled(h->negotiated_protocol);
        r->tls_no_verify = (int8_t)h->no_tls_verify;
        if (leaf) {
            r->tls_certificate_sha256 = leaf->sha256;
            r->tls_subject = leaf->subject;
            r->tls_issuer = leaf->issuer;
            r->tls_names = leaf->names;
            r->tls_not_before = leaf->not_before;
            r->tls_not_after = leaf->not_after;
            r->tls_self_signed = (int8_t)leaf->self_signed;
            r->tls_matches_name = (int8_t)matched;
        }
        if (h->chain) r->tls_chain_length = fits(&self->line, h->chain);
        if (moved[i].given || moved[i].only_read) r->read_bytes = moved[i].numbers[0];
        if (moved[i].given) {
            r->read_count = (int32_t)moved[i].numbers[1];
            r->write_bytes = moved[i].numbers[2];
            r->write_count = (int32_t)moved[i].numbers[3];
        }
    }
}

/* Long bodies of long lines, whose hashes stand for them where the line is hashed (`identity.py`). */
enum { LONG_LINE = 16384, LONG_BODY = 4096 };

/* Length, hash, title and fingerprints of a body. Gives the list of fingerprints as a Python object, or null. */
static PyObject *body_of(Reader *self, const Exchange *e, Row *r) {
    Line *line = &self->line;
    size_t size = 0;
    PyObject *bytes = NULL;
    if (e->body.from && e->body.size) {
        bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)e->body.size);
        if (!bytes) raised(line);
        uint8_t *to = (uint8_t *)PyBytes_AS_STRING(bytes);
        if (e->body.escaped) {
            size = unescape(&e->body, to);
            if (size != e->body.size && _PyBytes_Resize(&bytes, (Py_ssize_t)size)) raised(line);
        } else {
            memcpy(to, e->body.from, size = e->body.size);
        }
        line->held = bytes;
        if (e->body_encoded) {
            PyObject *plain = PyObject_CallOneArg(self->from_base64, bytes);
            if (!plain) raised(line);
            line->held = plain;
            Py_DECREF(bytes);
            bytes = plain;
            if (!PyBytes_Check(bytes)) {
                PyErr_SetString(PyExc_TypeError, "bytes are wanted");
                raised(line);
            }
            size = (size_t)PyBytes_GET_SIZE(bytes);
        }
    }
    if (!size) {
        line->held = NULL;
        Py_XDECREF(bytes);
        if (r->http_status != NO_INT32) r->http_body_length = 0;
        return NULL;
    }
    PyObject *given = PyObject_CallOneArg(self->body, bytes);
    line->held = NULL;
    Py_DECREF(bytes);
    if (!given) raised(line);
    PyObject *parts[3];
    items(line, given, parts, 3);
    r->http_body_length = (int64_t)size;
    r->http_body_sha256 = from_python(line, &self->texts, parts[0]);
    r->http_title = from_python(line, &self->texts, parts[1]);
    return parts[2];
}

static void exchange_row(Flat *f, const Exchange *e, int depth, Id *hash) {
    Reader *self = f->reader;
    Line *line = &self->line;
    Place of = place_of(self, &self->url, e->url);
    if (e->asked && e->url == NONE) odd(line); /* only the Host header says whom they asked */
    Place at = place_of(self, &self->endpoint, e->address);
    Id ip = at.ip != NONE ? at.ip : of.ip;
    int64_t port = at.port != NO_INT64 && at.port ? at.port : of.port;
    if (e->depth >= 0) depth = e->depth;
    Row *r = row(f, &self->rows, HTTP);
    r->host = of.host > EMPTY ? of.host : f->first_host;
    to_address(f, r, ip);
    to_network(f, r, ip);
    r->port = fits(&self->line, port);
    to_connection(r, depth, e->transaction);
    to_failure(self, r, e->failure);
    to_times(r, e->t0, e->t);
    if (e->method > EMPTY) r->http_method = filled(TEXT_OF(self, upper, e->method));
    if (e->url > EMPTY) r->http_url = TEXT_OF(self, cut_url, e->url);
    r->http_alpn = filled(e->alpn);
    if (!e->got) return;
    if (e->code != NO_INT64 && e->code > 0) {
        r->http_status = fits(line, e->code);
        if (r->http_status == NO_INT32) odd(line);
    }
    r->http_body_truncated = (int8_t)e->truncated;
    PyObject *hits = e->has_body ? body_of(self, e, r) : NULL;
    *hash = r->http_body_sha256;
    int32_t found = hits ? list_from_python(line, &self->lists, &self->texts, hits) : NONE;
    if (e->headers.n) {
        Layout layout = *layout_of(self, &e->headers);
        r->http_header_names = layout.names;
        const Header *list = e->headers.list;
        if (layout.location >= 0)
            r->http_location = TEXT_OF(self, cut_url, header_text(self, list + layout.location));
        if (layout.server >= 0)
            r->http_server = TEXT_OF(self, cut_server, header_text(self, list + layout.server));
        Lists *l = &self->lists;
        for (int i = 0; i < layout.told; i++) {
            Told told = self->told[layout.telling + i];
            Id both[] = {told.lower, header_text(self, list + told.place)};
            int32_t *slot = about(self, OF_HITS, both, 2);
            int32_t more = *slot;
            if (more == UNKNOWN) {
                more = list_from_python(line, l, &self->texts,
                                        call_two(self, self->header_hits, both[0], both[1]));
                *about(self, OF_HITS, both, 2) = more;
            }
            if (more == NONE) continue;
            if (found == NONE) {
                found = more;
                continue;
            }
            /* The body's come first, then those of each header. */
            l->used = (size_t)l->starts[l->n];
            for (int64_t k = l->starts[found]; k < l->starts[found + 1]; k++) to_list(line, l, l->texts[k]);
            for (int64_t k = l->starts[more]; k < l->starts[more + 1]; k++) to_list(line, l, l->texts[k]);
            found = list_made(line, l);
        }
    }
    r->http_fingerprint = found;
}

/* ---- the helper's view ---- */

static int64_t helper_network(const Flat *f, Id ip) {
    if (ip != NONE)
        for (int i = 0; i < f->n_networks; i++)
            if (f->networks[i].ip == ip) return f->networks[i].network;
    return NO_INT64;
}

static void helper_outcomes(Flat *f, const Outcomes *list, int layer, Id host) {
    Reader *self = f->reader;
    for (int i = 0; i < list->n; i++) {
        const Outcome *o = list->list + i;
        if (o->null) continue;
        Place at = place_of(self, &self->endpoint, o->endpoint);
        Id server_name = TEXT_OF(self, host_name, o->server_name);
        Row *r = row(f, &self->controls, layer);
        r->host = server_name > EMPTY ? server_name : host;
        to_address(f, r, at.ip);
        r->port = fits(&self->line, at.port);
        r->ip_network = helper_network(f, at.ip);
        to_failure(self, r, o->failure > EMPTY ? o->failure : o->status == 0 ? W_UNKNOWN_FAILURE : NONE);
        if (layer != TCP) r->tls_server_name = server_name;
    }
}

static void helper_page(Flat *f, const Page *p, Id host, Id url, Id alpn) {
    Reader *self = f->reader;
    if (!p->given) return;
    int32_t status = NO_INT32;
    if (p->status_code != NO_INT64 && p->status_code > 0 && (status = fits(&self->line, p->status_code)) == NO_INT32)
        odd(&self->line);
    if (status == NO_INT32 && p->failure <= EMPTY) return;
    Place of = place_of(self, &self->url, url);
    Layout layout = *layout_of(self, &p->headers);
    Row *r = row(f, &self->controls, HTTP);
    r->host = host;
    r->port = fits(&self->line, of.port);
    to_failure(self, r, p->failure);
    r->http_method = W_GET;
    r->http_url = url;
    r->http_status = status;
    if (p->body_length.kind == WHOLE && p->body_length.whole >= 0) r->http_body_length = p->body_length.whole;
    if (p->body_length.kind == BROKEN) {
        double length = p->body_length.broken;
        if (!(length < 9.2e18)) odd(&self->line);
        if (length >= 0) r->http_body_length = (int64_t)length;
    }
    if (p->title > EMPTY) r->http_title = TEXT_OF(self, helper_title, p->title);
    if (layout.location >= 0) r->http_location = header_text(self, p->headers.list + layout.location);
    if (layout.server >= 0) r->http_server = header_text(self, p->headers.list + layout.server);
    r->http_header_names = filled(layout.names);
    r->http_alpn = alpn;
}

static void helper_view(Flat *f, Id url) {
    Reader *self = f->reader;
    const Control *c = &f->keys->control;
    Id host = f->first_host;
    f->seen = 0;
    f->n_networks = 0;
    for (int i = 0; i < c->n_infos; i++) {
        if (c->infos[i].null) continue;
        Id ip = TEXT_OF(self, address, c->infos[i].address);
        if (ip == NONE) continue;
        int at = 0;
        while (at < f->n_networks && f->networks[at].ip != ip) at++;
        if (at == MOST_ADDRESSES) odd(&self->line);
        f->networks[at] = (Network){ip, network_of(&c->infos[i].asn), NONE};
        if (at == f->n_networks) f->n_networks++;
    }
    if (c->has_dns) {
        /* An empty list without a failure is how the helper says that the name has no address. */
        if (!c->n_addrs) {
            Row *r = row(f, &self->controls, DNS);
            r->host = host;
            to_failure(self, r, c->dns_failure > EMPTY ? c->dns_failure : W_NO_ANSWER);
        }
        if (c->n_addrs) f->repeated += (c->n_addrs - 1) * size_of(self, c->dns_failure);
        for (int i = 0; i < c->n_addrs; i++) {
            Id ip = TEXT_OF(self, address, c->addrs[i]);
            Row *r = row(f, &self->controls, DNS);
            r->host = host;
            to_failure(self, r, c->dns_failure);
            if (ip == NONE) {
                r->dns_answer_type = W_CNAME;
                r->dns_answer = TEXT_OF(self, host_name, c->addrs[i]);
            } else {
                to_address(f, r, ip);
                r->ip_network = helper_network(f, ip);
                r->dns_answer_type = memchr(self->texts.at[ip], ':', self->texts.sizes[ip]) ? W_AAAA : W_A;
                r->dns_answer = ip;
            }
        }
    }
    helper_outcomes(f, &c->tcp, TCP, host);
    helper_outcomes(f, &c->tls, TLS, host);
    helper_outcomes(f, &c->quic, QUIC, host);
    helper_page(f, &c->http, host, url, NONE);
    helper_page(f, &c->http3, host, url, W_H3);
}

/* ---- what the measurement says of itself ---- */

static int two_digits(const uint8_t *p) {
    return p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

/* Whether a time is written as `2019-11-16 21:00:00`, on a day that every month has; its microseconds since 1970. */
static int plain_time(const Reader *self, Id text, int64_t *found) {
    if (text == NONE || self->texts.sizes[text] != 19) return 0;
    const uint8_t *p = self->texts.at[text];
    if (p[4] != '-' || p[7] != '-' || p[10] != ' ' || p[13] != ':' || p[16] != ':') return 0;
    int century = two_digits(p), year = two_digits(p + 2), month = two_digits(p + 5), day = two_digits(p + 8);
    int hour = two_digits(p + 11), minute = two_digits(p + 14), second = two_digits(p + 17);
    if (century < 19 || year < 0 || month < 1 || month > 12 || day < 1 || day > 28) return 0;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return 0;
    /* Days of the civil calendar, counted from March. */
    int64_t y = century * 100 + year - (month <= 2), era = y / 400;
    int64_t of_era = y - era * 400, m = month + (month > 2 ? -3 : 9);
    int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 - 719468;
    *found = (((days * 24 + hour) * 60 + minute) * 60 + second) * INT64_C(1000000);
    return 1;
}

/* Microseconds since 1970; how a time may be written otherwise, Python knows. */
static int64_t stamped_of(Reader *self, Id text) {
    int64_t found;
    return plain_time(self, text, &found) ? found : NUMBER_OF(self, stamped, text);
}

/* The digits of a plain time; None of another one. */
static PyObject *stamp_of(const Reader *self, Id text) {
    int64_t time;
    if (!plain_time(self, text, &time)) Py_RETURN_NONE;
    const char *p = (const char *)self->texts.at[text];
    char digits[14];
    for (int i = 0, k = 0; i < 19; i++)
        if (p[i] >= '0' && p[i] <= '9') digits[k++] = p[i];
    return PyUnicode_FromStringAndSize(digits, sizeof digits);
}

static int64_t number_or_text(Reader *self, Id text, const Number *number) {
    return text != NONE ? NUMBER_OF(self, network_number, text) : network_of(number);
}

static Id digest_of(Reader *self, const Measurement *m, PyObject *content, const uint8_t *begin, const Id *hashes) {
    Line *line = &self->line;
    const Keys *keys = &m->keys;
    PyObject *bodies = PyList_New(0);
    if (!bodies) raised(line);
    line->held = bodies;
    if (PyBytes_GET_SIZE(content) >= LONG_LINE)
        for (int i = 0; i < keys->n_requests; i++) {
            const Exchange *e = keys->requests + i;
            if (!e->body.from || e->body_encoded || e->body.size + 2 < LONG_BODY) continue;
            PyObject *hash = as_python(line, &self->texts, hashes[i]);
            PyObject *one = Py_BuildValue("innN", i, (Py_ssize_t)(e->body.from - 1 - begin),
                                          (Py_ssize_t)(e->body.from + e->body.size + 1 - begin), hash);
            int failed = !one || PyList_Append(bodies, one);
            Py_XDECREF(one);
            if (failed) raised(line);
        }
    PyObject *arguments = Py_BuildValue("NNNOO", as_python(line, &self->texts, m->time), stamp_of(self, m->time),
                                        as_python(line, &self->texts, m->country), content, bodies);
    line->held = NULL;
    Py_DECREF(bodies);
    if (!arguments) raised(line);
    PyObject *found = PyObject_CallObject(self->made_id, arguments);
    Py_DECREF(arguments);
    if (!found) raised(line);
    return from_python(line, &self->texts, found);
}

static void who(Flat *f, const Measurement *m, PyObject *content, const uint8_t *begin, const Id *hashes, Id name) {
    Reader *self = f->reader;
    Who *w = new_row(&self->line, &self->who);
    w->measurement = f->number;
    if (m->report_id <= EMPTY) odd(&self->line); /* sessions are made of all that is known */
    Id uid = m->uid > EMPTY ? m->uid : name;
    if (uid == NONE) {
        w->measurement_id = digest_of(self, m, content, begin, hashes);
    } else {
        w->measurement_id = uid;
        w->received = NUMBER_OF(self, received, uid);
    }
    w->time = stamped_of(self, m->time);
    w->country = TEXT_OF(self, country_code, m->country);
    w->network = number_or_text(self, m->asn_text, &m->asn);
    w->network_name = TEXT_OF(self, shown_name, m->network_name);
    w->network_type = filled(m->network_type);
    w->resolver_network = number_or_text(self, m->resolver_asn_text, &m->resolver_asn);
    /* Where no resolver is told, its kind is all the same. */
    w->resolver_kind = m->resolver_ip == NONE ? W_UNKNOWN_TEXT : TEXT_OF(self, resolver_kind, m->resolver_ip);
    w->platform = filled(m->platform);
    w->nettest_version = filled(m->test_version);
    w->software = software_of(self, m->software_name, m->software_version);
    w->session = m->report_id;
    w->probe_id = filled(m->probe_id);
    w->input = m->input;
    w->target = f->first_host > EMPTY ? f->first_host : W_UNKNOWN_TEXT;
    w->runtime_seconds = as_double(&m->runtime);
    w->helper = filled(m->helper);
    if (m->keys.control_failure > EMPTY) w->helper_failure = TEXT_OF(self, failure_word, m->keys.control_failure);
    if (m->keys.blocking != NONE) w->peer_verdict = m->keys.blocking;
    else if (m->keys.blocking_bool == 0) w->peer_verdict = m->keys.accessible == 0 ? W_DOWN : W_ACCESSIBLE;
    w->annotation_run = filled(m->run);
    w->test_start = stamped_of(self, m->test_start);
    w->opened = NUMBER_OF(self, leading, m->report_id);
}

/* Everything of one measurement. */
static void web(Reader *self, const Measurement *m, int32_t number_, PyObject *content, const uint8_t *begin, Id name) {
    Line *line = &self->line;
    const Keys *keys = &m->keys;
    /* The probe's own address has to be cut out of every text (trap X9), which Python does. */
    if (m->ip != NONE && NUMBER_OF(self, is_secret, m->ip)) odd(line);
    Flat flat = {.reader = self, .keys = keys, .number = number_}, *f = &flat;
    f->first_host = place_of(self, &self->url, m->input).host;
    f->networks = room_for(line, MOST_ADDRESSES * sizeof *f->networks);
    f->hosts = room_for(line, MOST_ADDRESSES * sizeof *f->hosts);
    f->transactions = room_for(line, MOST_ADDRESSES * sizeof *f->transactions);
    for (int i = 0; i < 65; i++) f->depth_hosts[i] = NONE;
    queries(f);
    remember_transactions(f);
    connects(f);
    handshakes(f, keys->tls, keys->n_tls, TLS);
    handshakes(f, keys->quic, keys->n_quic, QUIC);
    Id *hashes = room_for(line, ((size_t)keys->n_requests + 1) * sizeof *hashes);
    /* The list has the newest first: in a chain of redirects, place says how many came before. */
    for (int i = keys->n_requests - 1; i >= 0; i--) {
        hashes[i] = NONE;
        exchange_row(f, keys->requests + i, keys->n_requests - 1 - i, hashes + i);
    }
    int32_t observations = f->seen, controls = 0;
    if (keys->control.given) {
        helper_view(f, m->input);
        controls = f->seen;
    }
    /* Rows that would repeat far more text than the line has: Python says so. */
    int64_t everywhere = size_of(self, m->input) + size_of(self, f->first_host > EMPTY ? f->first_host : W_UNKNOWN_TEXT) +
                         size_of(self, m->report_id) + size_of(self, m->uid) + size_of(self, m->probe_id);
    if ((observations + controls) * everywhere + f->repeated > MOST_REPEATED * (int64_t)PyBytes_GET_SIZE(content)) odd(line);
    who(f, m, content, begin, hashes, name);
    Who *w = (Who *)(self->who.stage + (self->who.staged - 1) * self->who.width);
    w->observations = observations;
    w->controls = controls;
}

#endif
