#include "client/tee_revision.h"

#include <gtest/gtest.h>

namespace sz::client {
namespace {

TEST(TeeRevision, FindsTheLastOne) {
  EXPECT_EQ(revision_in_log("<6>[    1.0] optee: probing for conduit method.\n"
                            "<6>[    1.1] optee: revision 4.5 (0919de0f)\n<6>[ 1.2] x\n"),
            "4.5 (0919de0f)");
  EXPECT_EQ(revision_in_log("optee: revision 3.1\noptee: revision 4.10 (ab)"), "4.10 (ab)");
}

TEST(TeeRevision, IsEmptyWhereThereIsNone) {
  EXPECT_EQ(revision_in_log(""), "");
  EXPECT_EQ(revision_in_log("optee: probing\n"), "");
}

}  // namespace
}  // namespace sz::client
