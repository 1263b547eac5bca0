// A certificate authority made in memory for one test; its files live in a temporary folder that goes with it.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace gotthard::net {

struct CertificateFiles {
    std::string cert;
    std::string key;
};

struct Subject {
    std::string name = "test";
    std::string alternatives = "DNS:localhost,IP:127.0.0.1";  ///< subjectAltName
    int valid_from_days = -1;
    int valid_to_days = 30;
};

class TestAuthority {
public:
    explicit TestAuthority(const std::string& name);
    TestAuthority(const TestAuthority&) = delete;
    TestAuthority& operator=(const TestAuthority&) = delete;
    ~TestAuthority();

    std::string ca_file() const { return folder_ + "/ca.pem"; }
    /// `file`: base name of the files; an earlier pair of that name is replaced.
    CertificateFiles issue(const Subject& subject, const std::string& file = "leaf");

private:
    std::string folder_;
    EVP_PKEY* key_ = nullptr;
    X509* certificate_ = nullptr;
    long serial_ = 1;
};

}  // namespace gotthard::net
