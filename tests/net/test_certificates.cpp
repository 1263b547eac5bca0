#include "net/test_certificates.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>

namespace gotthard::net {
namespace {

EVP_PKEY* new_key() { return EVP_EC_gen("P-256"); }

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    if (extension == nullptr) abort();
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

X509* new_certificate(const std::string& name, long serial, EVP_PKEY* key, int from_days, int to_days) {
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_time_adj_ex(X509_getm_notBefore(certificate), from_days, 0, nullptr);
    X509_time_adj_ex(X509_getm_notAfter(certificate), to_days, 0, nullptr);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    return certificate;
}

template <class Write>
void write_pem(const std::string& path, Write write) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (file == nullptr || write(file) != 1) abort();
    std::fclose(file);
}

}  // namespace

TestAuthority::TestAuthority(const std::string& name) {
    std::string pattern = (std::filesystem::temp_directory_path() / "gotthard-tls-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    key_ = new_key();
    certificate_ = new_certificate(name, serial_++, key_, -400, 400);
    X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
    add_extension(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate_, key_, EVP_sha256());
    write_pem(ca_file(), [&](std::FILE* file) { return PEM_write_X509(file, certificate_); });
}

TestAuthority::~TestAuthority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
    std::filesystem::remove_all(folder_);
}

CertificateFiles TestAuthority::issue(const Subject& subject, const std::string& file) {
    EVP_PKEY* key = new_key();
    X509* certificate = new_certificate(subject.name, serial_++, key, subject.valid_from_days, subject.valid_to_days);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
    if (!subject.alternatives.empty()) add_extension(certificate, certificate_, NID_subject_alt_name, subject.alternatives);
    X509_sign(certificate, key_, EVP_sha256());
    const CertificateFiles files{folder_ + "/" + file + ".pem", folder_ + "/" + file + ".key"};
    write_pem(files.cert, [&](std::FILE* out) { return PEM_write_X509(out, certificate); });
    write_pem(files.key, [&](std::FILE* out) { return PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
    X509_free(certificate);
    EVP_PKEY_free(key);
    return files;
}

}  // namespace gotthard::net
